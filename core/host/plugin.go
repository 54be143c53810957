package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Plugin is one plugin, whatever becomes of its processes: it is started, or
// dialled, when it is used, and again after it failed. All methods may be called
// concurrently.
type Plugin struct {
	host    *Host
	name    string
	address string // of one that is dialled; empty: it is started
	log     *slog.Logger
	binary  *binary

	mu       sync.Mutex
	current  *session
	previous *session // ended, or about to be
	flight   *flight
	restarts *restarts
	closed   bool
}

func newPlugin(h *Host, name, address string) *Plugin {
	return &Plugin{
		host: h, name: name, address: address, log: h.opts.Log.With("plugin", name),
		binary: &binary{name: name, pin: h.opts.SHA256[name]}, restarts: newRestarts(name, h.opts),
	}
}

// Name is the plugin's name, such as kvm.
func (p *Plugin) Name() string { return p.name }

// Describe is what the plugin says of itself.
func (p *Plugin) Describe(ctx context.Context) (core.Description, error) {
	s, err := p.session(ctx)
	if err != nil {
		return core.Description{}, err
	}
	return s.description, nil
}

// Discover is which providers could be added as they stand, at most 1,000.
func (p *Plugin) Discover(ctx context.Context) ([]core.Discovery, error) {
	s, err := p.session(ctx)
	if err != nil {
		return nil, err
	}
	c := call{plugin: p, session: s, op: "discover providers", subject: "plugin " + p.name, timeout: p.host.opts.CallTimeout}
	var found []core.Discovery
	err = c.do(ctx, func(ctx context.Context) error {
		answer, err := pb.NewPluginClient(s.conn).Discover(ctx, &pb.DiscoverRequest{}, grpc.MaxCallRecvMsgSize(maxDescribeBytes))
		if err != nil {
			return err
		}
		found, err = discoveries(p.name, answer.GetFound())
		return err
	})
	return found, err
}

// Restart ends the plugin's process, whatever it is doing, and starts another.
// When it returns, with or without an error, nothing of the old one acts any
// more, unless the error says that it does not die. A plugin that is dialled is
// only connected to again.
func (p *Plugin) Restart(ctx context.Context) error {
	p.mu.Lock()
	s := p.current
	p.mu.Unlock()
	return p.replace(ctx, s)
}

// replace is Restart, unless another session took the place of s already.
func (p *Plugin) replace(ctx context.Context, s *session) error {
	if s != nil {
		p.log.Info("plugin is restarted")
		s.stop()
		if s.stuck != nil {
			return p.unavailable("restart plugin", s.stuck.Error())
		}
	}
	_, err := p.session(ctx)
	return err
}

// session is the one in use; it is started if there is none.
func (p *Plugin) session(ctx context.Context) (*session, error) {
	p.mu.Lock()
	if p.current != nil {
		if !p.current.isLost() {
			defer p.mu.Unlock()
			return p.current, nil
		}
		p.previous, p.current = p.current, nil
	}
	f := p.flight
	if f == nil {
		var err error
		if f, err = p.begin(ctx); err != nil {
			p.mu.Unlock()
			return nil, err
		}
	}
	p.mu.Unlock()
	select {
	case <-f.done:
		return f.session, f.err
	case <-ctx.Done():
		if ctx.Err() == context.Canceled {
			return nil, &core.Error{Kind: core.Interrupted, Op: "start plugin", Subject: "plugin " + p.name, Text: "interrupted"}
		}
		return nil, p.unavailable("start plugin", "it was not ready before the deadline")
	}
}

func (p *Plugin) onLost(s *session, why string) {
	life := time.Since(s.born)
	p.mu.Lock()
	if p.current == s {
		p.previous, p.current = s, nil
	}
	if !p.closed {
		p.restarts.failed(time.Now(), life, why)
	}
	p.mu.Unlock()
	// Last: who reads it finds another process with the next call.
	p.log.Warn("plugin failed", "why", why, "life", life)
}

// close drains and ends the plugin. What is under way ends with it.
func (p *Plugin) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	s := p.current
	p.current = nil
	if s == nil {
		s = p.previous
	}
	p.mu.Unlock()
	if s == nil {
		return nil
	}
	if p.address == "" && !s.isLost() {
		drained, cancel := context.WithTimeout(ctx, p.host.opts.DrainTimeout)
		if err := s.drain(drained); err != nil {
			p.log.Debug("plugin did not drain", "err", textOf(err))
		}
		cancel()
	}
	s.stop()
	return s.stuck
}

func (p *Plugin) unavailable(op, text string) *core.Error {
	return &core.Error{Kind: core.Unavailable, Op: op, Subject: "plugin " + p.name, Text: cut(text, maxText), Source: core.SourcePlugin}
}

// wrap makes an error one of package core.
func (p *Plugin) wrap(op string, err error) error {
	if e, ok := err.(*core.Error); ok {
		return e
	}
	return p.unavailable(op, fmt.Sprint(err))
}
