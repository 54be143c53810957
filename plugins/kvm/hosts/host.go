package hosts

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"libvirt.org/go/libvirt"
)

const (
	// maxCalls is how many calls may be under way on one host; a hung host holds
	// no more threads than that.
	maxCalls = 16
	// patience is how long a connection may take to open before callers are told
	// that the host does not answer.
	patience = 5 * time.Second
	// freshFailure is how long a failed attempt to connect answers for the next
	// callers as well.
	freshFailure = time.Second
)

// ErrClosed is the cause of calls on a host that has been closed.
var ErrClosed = errors.New("closed")

// Options say which host to keep.
type Options struct {
	// Name is how people call the host.
	Name string
	// URI is libvirt's, such as qemu+ssh://root@kvm1/system.
	URI string
	Log *slog.Logger
	// Retry is the longest wait between two attempts to connect; 0 is 30 s. A
	// caller who needs the host brings the next attempt forward.
	Retry time.Duration
}

// Host is one libvirt host. All methods may be called concurrently.
type Host struct {
	opts   Options
	cancel context.CancelFunc
	ended  chan struct{}
	slots  chan struct{}
	kick   chan struct{}
	cache  cache

	mu      sync.Mutex
	session *session
	next    *attempt // the attempt under way, or the next one
	lastErr error
	lastAt  time.Time
	// generation counts sessions.
	generation uint64
	subs       map[*Subscription]struct{}
}

type attempt struct {
	done  chan struct{}
	began time.Time // zero until it is under way
	err   error
}

// Open begins to connect and returns at once. The caller closes the host.
func Open(opts Options) *Host {
	if opts.Retry == 0 {
		opts.Retry = 30 * time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &Host{
		opts:   opts,
		cancel: cancel,
		ended:  make(chan struct{}),
		slots:  make(chan struct{}, maxCalls),
		kick:   make(chan struct{}, 1),
		next:   &attempt{done: make(chan struct{})},
		subs:   make(map[*Subscription]struct{}),
	}
	h.cache.reset()
	go h.keep(ctx)
	return h
}

// Name is how people call the host.
func (h *Host) Name() string { return h.opts.Name }

// URI is libvirt's name for the host.
func (h *Host) URI() string { return h.opts.URI }

// Close lets the connection go; it is closed some seconds later. Calls under way
// end by themselves.
func (h *Host) Close() {
	h.cancel()
	<-h.ended
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
		select {
		case <-s.lost:
			h.opts.Log.Warn("connection to host lost", "host", h.opts.Name)
		case <-ctx.Done():
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
		s, err := dial(h.opts.URI, h.opts.Log, h.changed)
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
	h.cache.reset()
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
