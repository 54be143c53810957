package host

import (
	"context"
	"time"
)

// flight is a start that is under way; everybody who needs the plugin waits for
// the same one.
type flight struct {
	done    chan struct{}
	session *session
	err     error
}

// begin starts a flight, now or after the pause that earlier failures demand. It
// is called with the lock held.
func (p *Plugin) begin(ctx context.Context) (*flight, error) {
	if p.closed {
		return nil, p.unavailable("start plugin", "Meson is ending")
	}
	now := time.Now()
	pause, err := p.restarts.pause(now)
	if err != nil {
		return nil, err
	}
	deadline, has := ctx.Deadline()
	if pause > p.host.opts.MaxWait || has && now.Add(pause).After(deadline) {
		e := p.unavailable("start plugin", "it failed: "+p.restarts.last)
		e.RetryAfter = pause
		return nil, e
	}
	f, previous := &flight{done: make(chan struct{})}, p.previous
	p.flight = f
	p.host.running.Go(func() { p.fly(f, pause, previous) })
	return f, nil
}

// fly makes a session. It belongs to nobody's call: who waits for it may go
// away.
func (p *Plugin) fly(f *flight, pause time.Duration, previous *session) {
	s, err := p.start(pause, previous)
	p.mu.Lock()
	if err == nil && p.closed {
		// Closed meanwhile: it would be nobody's.
		p.mu.Unlock()
		s.stop()
		s, err = nil, p.unavailable("start plugin", "Meson is ending")
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	p.flight = nil
	f.session, f.err = s, err
	switch {
	case err != nil && p.host.ctx.Err() == nil:
		p.restarts.failed(time.Now(), 0, err.Error())
	case err == nil:
		p.current = s
		s.supervise(p.host.opts, func(why string) { p.onLost(s, why) })
	}
	close(f.done)
}

func (p *Plugin) start(pause time.Duration, previous *session) (*session, error) {
	ctx := p.host.ctx
	if previous != nil {
		// Never two at once: what the old one still does would not be known.
		select {
		case <-previous.ended:
		case <-ctx.Done():
		}
		if previous.stuck != nil {
			return nil, p.unavailable("start plugin", "the one before: "+previous.stuck.Error())
		}
	}
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return nil, p.unavailable("start plugin", "Meson is ending")
	}
	ctx, cancel := context.WithTimeout(ctx, p.host.opts.StartTimeout)
	defer cancel()
	begun := time.Now()
	var s *session
	var err error
	if p.address != "" {
		s, err = p.dial(ctx)
	} else {
		s, err = p.launch(ctx)
	}
	if err != nil {
		return nil, p.wrap("start plugin", err)
	}
	p.log.Debug("plugin is ready", "version", s.description.Version, "address", p.address, "took", time.Since(begun))
	return s, nil
}
