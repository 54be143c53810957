package hosts

import (
	"context"
	"time"
)

// Subscription hears that something may have changed. It coalesces: between two
// looks any number of changes is one.
type Subscription struct {
	// C gets a value after a change.
	C    <-chan struct{}
	c    chan struct{}
	host *Host
	uuid string
}

// Subscribe hears changes of one domain and, as with an empty uuid, the coming and
// going of the connection. It has something to hear, too, when it begins to hear: look
// then. The caller closes it.
func (h *Host) Subscribe(uuid string) *Subscription {
	s := &Subscription{c: make(chan struct{}, 1), host: h, uuid: uuid}
	s.C = s.c
	h.mu.Lock()
	h.subs[s] = struct{}{}
	h.mu.Unlock()
	if uuid != "" {
		select {
		case h.wanted <- struct{}{}:
		default:
		}
	}
	return s
}

// attend hears what becomes of a session until it is of no more use, or ctx ends. It
// asks for events as soon as somebody wants them, or after a while.
func (h *Host) attend(ctx context.Context, s *session) {
	late := time.NewTimer(h.opts.ListenAfter)
	defer late.Stop()
	if h.awaited() {
		late.Reset(0)
	}
	due, wanted := late.C, h.wanted
	for {
		select {
		case <-s.lost:
			h.opts.Log.Warn("connection to host lost", "host", h.opts.Name)
			return
		case <-ctx.Done():
			return
		case <-due:
		case <-wanted:
		}
		due, wanted = nil, nil
		go h.listen(s)
	}
}

// awaited reports whether anybody wants to hear of a domain.
func (h *Host) awaited() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		if s.uuid != "" {
			return true
		}
	}
	return false
}

// listen lets a session tell of changes. What was read before is not believed any
// more, and everybody looks again.
func (h *Host) listen(s *session) {
	if !s.use() {
		return
	}
	defer s.done()
	if err := s.listen(h.opts.Log, h.changed); err != nil {
		h.opts.Log.Warn("host tells of no changes", "host", h.opts.Name, "error", Text(err))
		s.lose()
		return
	}
	h.mu.Lock()
	current := h.session == s
	h.mu.Unlock()
	if current {
		h.cache.reset(true)
		h.tell("")
	}
}

// Close ends the subscription. C is not closed.
func (s *Subscription) Close() {
	s.host.mu.Lock()
	delete(s.host.subs, s)
	s.host.mu.Unlock()
}

// changed forgets what was read and tells everybody whom it concerns. It is
// called from libvirt's event loop and does not block.
func (h *Host) changed(uuid string) {
	h.cache.forget(uuid)
	h.tell(uuid)
}

// tell wakes the subscribers of a domain; an empty uuid concerns all.
func (h *Host) tell(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		if uuid == "" || s.uuid == "" || s.uuid == uuid {
			select {
			case s.c <- struct{}{}:
			default:
			}
		}
	}
}
