package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/status"
)

// call says how one kind of call is treated.
type call struct {
	op       string // "create instance"
	provider string
	faults   []Fault
	// effect: the call may change something at the provider, so that an error
	// of unknown kind leaves the outcome unknown.
	effect bool
	// lasting: the call ends when its provider is replaced or the plugin drains.
	lasting bool
	// key, if set, is held by one call at a time.
	key string
}

// with runs fn on the provider that a call names and gives its error the form
// that crosses the wire.
func with[T any](ctx context.Context, s *Server, c call, fn func(ctx context.Context, p T) error) error {
	err := s.run(ctx, c, func(ctx context.Context, p Provider) error {
		t, ok := p.(T)
		if !ok {
			return Errorf(Unsupported, "provider %q cannot do that", c.provider)
		}
		return fn(ctx, t)
	})
	return wire(err)
}

func (s *Server) run(ctx context.Context, c call, fn func(context.Context, Provider) error) error {
	return s.begin(ctx, c, func(ctx context.Context) error {
		if err := InvalidFaults(c.op, append(nameFaults("provider", c.provider), c.faults...)); err != nil {
			return err
		}
		o, err := s.enter(c.provider)
		if err != nil {
			return err
		}
		defer o.leave()
		if c.lasting {
			var cancel context.CancelCauseFunc
			ctx, cancel = context.WithCancelCause(ctx)
			defer cancel(nil)
			defer context.AfterFunc(o.watching, func() { cancel(context.Cause(o.watching)) })()
		}
		if c.key != "" {
			unlock, err := s.keys.Lock(ctx, c.provider+" "+c.key)
			if err != nil {
				return err
			}
			defer unlock()
		}
		err = fn(ctx, o.provider)
		if ended, ok := errors.AsType[*Error](context.Cause(ctx)); ok && c.lasting {
			return ended
		}
		return err
	})
}

// begin counts the call, refuses it while draining, ends it with the server,
// survives its panic, and sees to it that its error is an *Error.
func (s *Server) begin(ctx context.Context, c call, fn func(context.Context) error) error {
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		return drained()
	}
	s.calls.Add(1)
	s.mu.Unlock()
	defer s.calls.Done()
	if s.fault != nil {
		return &Error{Kind: Internal, Source: SourcePlugin, Text: "the plugin is defective", Err: s.fault}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ended, func() { cancel(context.Cause(s.ended)) })()
	err := recovering(s.log, c.op, func() error { return fn(ctx) })
	if err == nil {
		return nil
	}
	return normal(ctx, c, err)
}

// normal gives an error without a kind the one that follows from the call.
func normal(ctx context.Context, c call, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if s, ok := status.FromError(err); ok && s.Code() != 0 {
		// A plugin that is a client of another one passes its errors on.
		return FromStatus(err)
	}
	if ended, ok := errors.AsType[*Error](context.Cause(ctx)); ok && !c.effect {
		return ended
	}
	own := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	if own && context.Cause(ctx) == ctx.Err() {
		// The caller's own deadline: he reads it as gRPC's, which he may have
		// seen already.
		return status.FromContextError(err).Err()
	}
	e := &Error{Kind: Internal, Source: SourcePlugin, Op: c.op, Err: err}
	switch {
	case c.effect:
		e.Kind = Uncertain
	case own:
		e.Kind = Unavailable
	}
	return e
}

// enter finds a provider and counts a call in. A provider that is not there is
// Unavailable: NotFound would be read as the absence of what was asked for.
func (s *Server) enter(name string) (*opened, error) {
	for {
		s.mu.Lock()
		o, draining := s.providers[name], s.draining
		s.mu.Unlock()
		switch {
		case draining:
			return nil, drained()
		case o == nil:
			return nil, &Error{
				Kind: Unavailable, Source: SourcePlugin, Subject: "provider " + quote(name),
				Text: "this plugin has no such provider", Hint: "call Configure first; a plugin that was restarted knows none",
			}
		}
		if o.enter() {
			return o, nil
		}
		// It was replaced between the two steps: its successor is in the map
		// before it is retired.
	}
}

// recovering runs fn and turns its panic into an Internal error, with the stack
// in the log.
func recovering(log *slog.Logger, op string, fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			log.Error("panic", "operation", op, "panic", CleanText(fmt.Sprint(r), MaxTextBytes), "stack", string(debug.Stack()))
			err = &Error{Kind: Internal, Source: SourcePlugin, Op: op, Text: "the plugin panicked; its log has the stack"}
		}
	}()
	return fn()
}

func drained() *Error {
	return &Error{Kind: Unavailable, Source: SourcePlugin, Text: "the plugin is about to end", Hint: "start it again"}
}

func wire(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); !ok && statusOf(err) != nil {
		return err
	}
	return ToStatus(err).Err()
}

// defaultDrain is the time to drain of a caller who sets no deadline.
const defaultDrain = 10 * time.Second

// Drain lets no new call in, ends watches and consoles, waits for the other
// calls until ctx ends, ends what is left, and closes every provider. It returns
// shortly before the deadline of ctx, so that its answer still arrives. A second
// Drain waits for what is left.
func (s *Server) Drain(ctx context.Context) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(defaultDrain)
	}
	left := time.Until(deadline)
	waiting, cancel := context.WithTimeout(ctx, left-min(left/4, time.Second))
	defer cancel()

	s.mu.Lock()
	s.draining = true
	providers := s.providers
	s.providers = map[string]*opened{}
	s.mu.Unlock()
	for _, o := range providers {
		o.retire(drained())
	}
	if !wait(waiting, s.calls.Wait) {
		s.log.Warn("calls were still under way at the end of the time to drain")
	}
	s.end(drained())
	for _, o := range providers {
		s.closing.Go(func() { o.close(context.WithoutCancel(ctx)) })
	}
	closing, stop := context.WithTimeout(context.WithoutCancel(ctx), max(time.Until(deadline)-left/20, 0))
	defer stop()
	wait(closing, s.closing.Wait)
}

// wait reports whether fn ended before ctx did.
func wait(ctx context.Context, fn func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
