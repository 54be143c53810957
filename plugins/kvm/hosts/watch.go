package hosts

// Subscription hears that something may have changed. It coalesces: between two
// looks any number of changes is one.
type Subscription struct {
	// C gets a value after a change.
	C    <-chan struct{}
	c    chan struct{}
	host *Host
	uuid string
}

// Subscribe hears changes of one domain, or of all with an empty uuid, and the
// coming and going of the connection. The caller closes it.
func (h *Host) Subscribe(uuid string) *Subscription {
	s := &Subscription{c: make(chan struct{}, 1), host: h, uuid: uuid}
	s.C = s.c
	h.mu.Lock()
	h.subs[s] = struct{}{}
	h.mu.Unlock()
	return s
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
