package hosts

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// attempt is one try to connect.
type attempt struct {
	done  chan struct{}
	began time.Time // zero until it is under way
	err   error
}

// keep holds a connection until the host is closed.
func (h *Host) keep(ctx context.Context) {
	defer close(h.ended)
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = min(250*time.Millisecond, h.opts.Retry), h.opts.Retry
	wait.Reset()
	for {
		s, err := h.connect(ctx)
		h.settle(s, err)
		if ctx.Err() != nil {
			h.lose(s)
			return
		}
		if err != nil {
			h.opts.Log.Warn("host not reached", "host", h.opts.Name, "error", Text(err))
			select {
			case <-time.After(wait.NextBackOff()):
			case <-h.kick:
			case <-ctx.Done():
			}
			continue
		}
		wait.Reset()
		h.opts.Log.Debug("host connected", "host", h.opts.Name)
		h.attend(ctx, s)
		if ctx.Err() != nil {
			s.linger()
		}
		h.lose(s)
	}
}

// connect dials in a goroutine of its own: libvirt may take for ever.
func (h *Host) connect(ctx context.Context) (*session, error) {
	if ctx.Err() != nil {
		return nil, ErrClosed
	}
	h.mu.Lock()
	h.next.began = time.Now()
	h.mu.Unlock()
	type result struct {
		s   *session
		err error
	}
	came := make(chan result)
	go func() {
		s, err := dial(h.opts.URI)
		select {
		case came <- result{s, err}:
		case <-ctx.Done():
			if s != nil {
				s.drop()
			}
		}
	}()
	select {
	case r := <-came:
		return r.s, r.err
	case <-ctx.Done():
		return nil, ErrClosed
	}
}

// settle ends the attempt under way and makes the next one.
func (h *Host) settle(s *session, err error) {
	h.cache.reset(false)
	h.mu.Lock()
	h.session, h.lastErr, h.lastAt = s, err, time.Now()
	if s != nil {
		h.generation++
	}
	h.next.err = err
	close(h.next.done)
	h.next = &attempt{done: make(chan struct{})}
	h.mu.Unlock()
	h.tell("")
}

func (h *Host) lose(s *session) {
	if s == nil {
		return
	}
	h.mu.Lock()
	if h.session == s {
		h.session = nil
	}
	h.mu.Unlock()
	s.drop()
	h.changed("")
}
