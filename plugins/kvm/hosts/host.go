package hosts

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// maxCalls is how many calls may be under way on one host; a hung host holds
// no more threads than that.
const maxCalls = 16

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
	// ListenAfter is how long a connection has been open when its host is asked to tell
	// of changes though nobody waits for any, and when its loss is noticed though nobody
	// calls; 0 is 1 s, and most commands have ended by then.
	ListenAfter time.Duration
}

// Host is one libvirt host. All methods may be called concurrently.
type Host struct {
	opts   Options
	cancel context.CancelFunc
	ended  chan struct{}
	slots  chan struct{}
	kick   chan struct{}
	wanted chan struct{} // somebody wants to hear of changes
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

// Open begins to connect and returns at once. The caller closes the host.
func Open(opts Options) *Host {
	if opts.Retry == 0 {
		opts.Retry = 30 * time.Second
	}
	if opts.ListenAfter == 0 {
		opts.ListenAfter = time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &Host{
		opts:   opts,
		cancel: cancel,
		ended:  make(chan struct{}),
		slots:  make(chan struct{}, maxCalls),
		kick:   make(chan struct{}, 1),
		wanted: make(chan struct{}, 1),
		next:   &attempt{done: make(chan struct{})},
		subs:   make(map[*Subscription]struct{}),
	}
	h.cache.reset(false)
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
