package kvm

import (
	"context"
	"errors"
	"io"
	"sync"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// OpenConsole connects the caller to the machine's first serial port.
func (p *Provider) OpenConsole(ctx context.Context, req *pb.ConsoleRequest, caller io.ReadWriter) error {
	const op = "open console"
	m, err := p.find(ctx, ref{uuid: req.GetId(), broker: req.GetBroker(), zone: req.GetZone()})
	if err != nil {
		return err
	}
	if !m.active() {
		return &sdk.Error{Kind: sdk.Invalid, Op: op, Subject: m.name, Source: sdk.SourceProvider, Text: "the machine does not run", Hint: "start it first"}
	}
	c, err := m.at.openConsole(ctx, m.uuid, req.GetForce())
	if err != nil {
		if hosts.Is(err, libvirt.ERR_OPERATION_FAILED) {
			return &sdk.Error{
				Kind: sdk.Busy, Op: op, Subject: m.name, Source: sdk.SourceProvider,
				Text: "somebody else has this console", Hint: "--force ends their session",
			}
		}
		return failed(op, m.at, err, false)
	}
	defer c.close()
	go c.fromCaller(caller)
	return c.toCaller(ctx, caller)
}

const (
	consoleChunk = 16 << 10
	// consoleAhead bounds what a slow caller lets pile up in either direction.
	consoleAhead = 256 << 10
)

// console is an open serial port. Libvirt's stream is not blocking and speaks
// through its event loop, so that either side can end it at any time.
type console struct {
	stream *libvirt.Stream

	mu sync.Mutex
	// in is what the guest printed and the caller has not got; out what the
	// caller typed and the guest has not got.
	in, out []byte
	// ended says why there is no more to come; io.EOF for a good reason.
	ended error
	// events are what the stream is asked to tell; none once it is closed.
	events libvirt.StreamEventType
	closed bool
	moved  *sync.Cond
}

func (at *place) openConsole(ctx context.Context, uuid string, force bool) (*console, error) {
	return hosts.Ask(ctx, at.host, "open console", func(conn *libvirt.Connect) (*console, error) {
		dom, err := conn.LookupDomainByUUIDString(uuid)
		if err != nil {
			return nil, err
		}
		defer dom.Free()
		stream, err := conn.NewStream(libvirt.STREAM_NONBLOCK)
		if err != nil {
			return nil, err
		}
		flags := libvirt.DomainConsoleFlags(0)
		if force {
			flags = libvirt.DOMAIN_CONSOLE_FORCE
		}
		if err := dom.OpenConsole("", stream, flags); err != nil {
			_ = stream.Free()
			return nil, err
		}
		c := &console{stream: stream, events: libvirt.STREAM_EVENT_READABLE | libvirt.STREAM_EVENT_ERROR | libvirt.STREAM_EVENT_HANGUP}
		c.moved = sync.NewCond(&c.mu)
		hosts.RunEvents()
		if err := stream.EventAddCallback(c.events, func(_ *libvirt.Stream, events libvirt.StreamEventType) { c.happened(events) }); err != nil {
			_ = stream.Abort()
			_ = stream.Free()
			return nil, err
		}
		return c, nil
	})
}

// happened runs on libvirt's event loop.
func (c *console) happened(events libvirt.StreamEventType) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if events&libvirt.STREAM_EVENT_READABLE != 0 {
		c.receive()
	}
	if events&libvirt.STREAM_EVENT_WRITABLE != 0 {
		c.transmit()
	}
	if events&(libvirt.STREAM_EVENT_ERROR|libvirt.STREAM_EVENT_HANGUP) != 0 {
		c.end(io.EOF)
	}
	c.update()
	c.moved.Broadcast()
}

func (c *console) receive() {
	buf := make([]byte, consoleChunk)
	for len(c.in) < consoleAhead {
		n, err := c.stream.Recv(buf)
		switch {
		case err == nil && n > 0:
			c.in = append(c.in, buf[:n]...)
			continue
		case err == nil: // it would block
		default:
			c.end(err)
		}
		return
	}
}

func (c *console) transmit() {
	for len(c.out) > 0 {
		n, err := c.stream.Send(c.out)
		switch {
		case err == nil && n > 0:
			c.out = c.out[n:]
			continue
		case err == nil: // it would block
		default:
			c.end(err)
		}
		return
	}
}

func (c *console) end(err error) {
	if c.ended == nil {
		c.ended = err
	}
}

// update asks the stream to tell what there is room or need for.
func (c *console) update() {
	want := libvirt.STREAM_EVENT_ERROR | libvirt.STREAM_EVENT_HANGUP
	if len(c.in) < consoleAhead {
		want |= libvirt.STREAM_EVENT_READABLE
	}
	if len(c.out) > 0 {
		want |= libvirt.STREAM_EVENT_WRITABLE
	}
	if c.closed || c.ended != nil || want == c.events {
		return
	}
	c.events = want
	if err := c.stream.EventUpdateCallback(want); err != nil {
		c.end(err)
	}
}

// toCaller hands over what the guest prints until either side ends.
func (c *console) toCaller(ctx context.Context, w io.Writer) error {
	defer context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.end(io.EOF)
		c.moved.Broadcast()
	})()
	for {
		c.mu.Lock()
		for len(c.in) == 0 && c.ended == nil {
			c.moved.Wait()
		}
		data, err := c.in, c.ended
		c.in = nil
		c.update()
		c.mu.Unlock()
		if len(data) > 0 {
			if _, err := w.Write(data); err != nil {
				return nil // the caller is gone
			}
			continue
		}
		// However a machine takes its console away, by stopping or by giving it
		// to another caller, is the end that was to be expected.
		if _, ok := errors.AsType[libvirt.Error](err); ok || errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// fromCaller takes what the caller types. Its end is the session's.
func (c *console) fromCaller(r io.Reader) {
	buf := make([]byte, consoleChunk)
	for {
		n, err := r.Read(buf)
		c.mu.Lock()
		for len(c.out) >= consoleAhead && c.ended == nil && !c.closed {
			c.moved.Wait()
		}
		c.out = append(c.out, buf[:n]...)
		if err != nil {
			c.end(io.EOF)
		}
		over := c.closed || c.ended != nil
		c.update()
		c.moved.Broadcast()
		c.mu.Unlock()
		if over {
			return
		}
	}
}

func (c *console) close() {
	c.mu.Lock()
	c.closed = true
	c.moved.Broadcast()
	c.mu.Unlock()
	// Not under the lock, which the event loop may be waiting for.
	_ = c.stream.EventRemoveCallback()
	_ = c.stream.Abort()
	_ = c.stream.Free()
}
