package image

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// nbd is a client of a daemon's NBD server: one connection, one request at a
// time. See doc/proto.md of the NBD project.
type nbd struct {
	conn   net.Conn
	stop   func() bool
	mu     sync.Mutex
	handle uint64
	size   uint64
}

const (
	nbdMagic, nbdOption, nbdOptionReply = 0x4e42444d41474943, 0x49484156454f5054, 0x3e889045565a9
	nbdRequest, nbdReply                = 0x25609513, 0x67446698
	nbdGo, nbdAck, nbdInfo              = 7, 1, 3
	nbdRead, nbdWrite, nbdFlush         = 0, 1, 3
)

// dialNBD connects to an export; the context ends the connection.
func dialNBD(ctx context.Context, socket, export string) (*nbd, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	c := &nbd{conn: conn}
	c.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if err := c.negotiate(export); err != nil {
		c.close()
		return nil, fmt.Errorf("NBD export %s: %w", export, err)
	}
	return c, nil
}

func (c *nbd) negotiate(export string) error {
	hello := make([]byte, 18)
	if _, err := io.ReadFull(c.conn, hello); err != nil {
		return err
	}
	be := binary.BigEndian
	if be.Uint64(hello) != nbdMagic || be.Uint64(hello[8:]) != nbdOption || be.Uint16(hello[16:])&1 == 0 {
		return errors.New("no NBD server that negotiates")
	}
	var out bytes.Buffer
	send := func(fields ...any) {
		for _, x := range fields {
			_ = binary.Write(&out, be, x)
		}
	}
	// Fixed newstyle, no zeroes; then "go", with the name and no wishes.
	send(uint32(3), uint64(nbdOption), uint32(nbdGo), uint32(len(export)+6), uint32(len(export)), []byte(export), uint16(0))
	if _, err := c.conn.Write(out.Bytes()); err != nil {
		return err
	}
	for {
		head := make([]byte, 20)
		if _, err := io.ReadFull(c.conn, head); err != nil {
			return err
		}
		kind, n := be.Uint32(head[12:]), be.Uint32(head[16:])
		if be.Uint64(head) != nbdOptionReply || n > 64<<10 {
			return errors.New("the server's answer is not understood")
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(c.conn, body); err != nil {
			return err
		}
		switch {
		case kind == nbdAck:
			return nil
		case kind == nbdInfo && n >= 12 && be.Uint16(body) == 0:
			c.size = be.Uint64(body[2:])
		case kind&(1<<31) != 0:
			return fmt.Errorf("refused: %s", body)
		}
	}
}

// do sends a request and reads its answer: data is written, or read into.
func (c *nbd) do(kind uint16, at uint64, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handle++
	be := binary.BigEndian
	b := make([]byte, 28, 28+len(data))
	be.PutUint32(b, nbdRequest)
	be.PutUint16(b[6:], kind)
	be.PutUint64(b[8:], c.handle)
	be.PutUint64(b[16:], at)
	be.PutUint32(b[24:], uint32(len(data)))
	if kind == nbdWrite {
		b = append(b, data...)
	}
	if _, err := c.conn.Write(b); err != nil {
		return err
	}
	head := make([]byte, 16)
	if _, err := io.ReadFull(c.conn, head); err != nil {
		return err
	}
	if be.Uint32(head) != nbdReply || be.Uint64(head[8:]) != c.handle {
		return errors.New("the NBD server's answer is not understood")
	}
	if code := be.Uint32(head[4:]); code != 0 {
		return fmt.Errorf("the NBD server answers with error %d", code)
	}
	if kind == nbdRead {
		_, err := io.ReadFull(c.conn, data)
		return err
	}
	return nil
}

func (c *nbd) close() {
	c.stop()
	_ = c.conn.Close()
}

// chunkBytes is how much is read at once.
const chunkBytes = 1 << 20

// stream writes the whole export to w, reading ahead of it.
func (c *nbd) stream(ctx context.Context, w io.Writer) error {
	type chunk struct {
		b   []byte
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan chunk, 2)
	go func() {
		defer close(chunks)
		for at := uint64(0); at < c.size; at += chunkBytes {
			b := make([]byte, min(chunkBytes, c.size-at))
			err := c.do(nbdRead, at, b)
			select {
			case chunks <- chunk{b, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for x := range chunks {
		if x.err != nil {
			return x.err
		}
		if _, err := w.Write(x.b); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
