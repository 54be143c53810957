package host

import "sync"

// doubt remembers the session of a provider's last uncertain call, so that a
// restart ends that one and not a newer one that others have begun to use.
type doubt struct {
	mu      sync.Mutex
	session *session
}

func (d *doubt) put(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.session = s
}

func (d *doubt) take() *session {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.session
	d.session = nil
	return s
}
