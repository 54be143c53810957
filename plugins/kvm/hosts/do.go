package hosts

import (
	"context"
	"errors"
	"time"

	"libvirt.org/go/libvirt"
)

const (
	// patience is how long a connection may take to open before callers are told
	// that the host does not answer.
	patience = 5 * time.Second
	// freshFailure is how long a failed attempt to connect answers for the next
	// callers as well.
	freshFailure = time.Second
)

// acquire is the open session, waiting for one while there is hope.
func (h *Host) acquire(ctx context.Context) (*session, error) {
	for {
		h.mu.Lock()
		s, next, began := h.session, h.next, h.next.began
		err, fresh := h.lastErr, time.Since(h.lastAt) < freshFailure
		h.mu.Unlock()
		switch {
		case s != nil && s.use():
			return s, nil
		case s == nil && err != nil && fresh && began.IsZero():
			return nil, err
		}
		h.hurry()
		hope := patience
		if !began.IsZero() {
			hope -= time.Since(began)
		}
		select {
		case <-next.done:
			if next.err != nil {
				return nil, next.err
			}
		case <-h.ended:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(max(hope, 0)):
			return nil, errors.New("does not answer")
		}
	}
}

func (h *Host) hurry() {
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

// Do runs fn with the host's connection, connecting first where need be, and
// returns when fn or ctx ends. An fn that outlives ctx goes on by itself, so it
// should have one effect and look at no variable that its caller reads
// afterwards. Any error is an *Error.
func (h *Host) Do(ctx context.Context, op string, fn func(*libvirt.Connect) error) error {
	fail := func(sent, lost bool, err error) error {
		return &Error{Host: h.opts.Name, Op: op, Sent: sent, Lost: lost, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(false, true, err)
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return fail(false, true, ctx.Err())
	}
	s, err := h.acquire(ctx)
	if err != nil {
		<-h.slots
		return fail(false, true, err)
	}
	ended := make(chan error, 1)
	go func() {
		defer func() { <-h.slots }()
		defer s.done()
		ended <- fn(s.conn)
	}()
	select {
	case err := <-ended:
		if err == nil {
			return nil
		}
		lost := broken(err)
		if lost {
			s.lose()
		}
		return fail(true, lost, err)
	case <-ctx.Done():
		return fail(true, true, ctx.Err())
	}
}
