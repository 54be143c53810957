package upcloud

import (
	"sync"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// memory is what this process has learnt of servers, so as to ask less. Nothing
// of it is needed: all stands on the servers. It is safe for concurrent use.
type memory struct {
	timing *timing

	mu    sync.Mutex
	known map[string]*known // by UUID
	// byKey is the UUID of the server of a broker's key.
	byKey map[ownKey]string
	// sent is when a key's server was asked for, as long as it is not known what
	// came of that.
	sent map[ownKey]time.Time
}

type ownKey struct{ broker, key string }

func newMemory(t *timing) *memory {
	return &memory{
		timing: t,
		known:  map[string]*known{}, byKey: map[ownKey]string{}, sent: map[ownKey]time.Time{},
	}
}

func (m *memory) get(uuid string) *known {
	k := m.known[uuid]
	if k == nil {
		k = &known{changed: make(chan struct{})}
		m.known[uuid] = k
	}
	return k
}

// learn keeps a reading that was asked for at that time; an older one changes
// nothing.
func (m *memory) learn(s *server, asked time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.get(s.uuid)
	if asked.Before(k.asked) {
		return
	}
	k.learn(s, asked)
	k.due = time.Now().Add(m.timing.wait(k))
	if own := s.own(); own.key != "" {
		m.byKey[own] = s.uuid
		delete(m.sent, own)
	}
}

// expect notes what a call has begun with a server, and for how long that is
// believed.
func (m *memory) expect(uuid string, will pb.InstanceState, within time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.get(uuid)
	k.will, k.willUntil, k.next, k.due = will, time.Now().Add(within), nil, time.Time{}
	k.tell()
}

// recent is a reading that is not due to be asked for again.
func (m *memory) recent(uuid string) (*server, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.known[uuid]
	if k == nil || k.last == nil || !time.Now().Before(k.due) {
		return nil, false
	}
	return k.last, true
}

// uuidOf is the server of a broker's key; empty: not known.
func (m *memory) uuidOf(own ownKey) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byKey[own]
}

// of is what is known beyond a server's last reading: whether it has run, and
// what has been begun with it.
func (m *memory) of(uuid string) (ran bool, will pb.InstanceState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.known[uuid]
	if k == nil {
		return false, 0
	}
	if k.will != 0 && time.Now().After(k.willUntil) {
		k.will, k.next = 0, nil
	}
	return k.ran, k.will
}

// news is when the next look at a server is due, and what is closed when
// something is known before.
func (m *memory) news(uuid string) (due time.Time, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.get(uuid)
	return k.due, k.changed
}

// drop forgets a server that is gone.
func (m *memory) drop(uuid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.known[uuid]
	if k == nil {
		return
	}
	if k.last != nil && m.byKey[k.last.own()] == uuid {
		delete(m.byKey, k.last.own())
	}
	delete(m.known, uuid)
	k.tell()
}

// sending notes that a key's server is asked for now. It refuses, and says when,
// if that was done within the window and nobody knows what came of it.
func (m *memory) sending(own ownKey) (before time.Time, may bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, unanswered := m.sent[own]; unanswered && time.Since(before) < m.timing.window {
		return before, false
	}
	m.sent[own] = time.Now()
	return time.Time{}, true
}

// answered notes that it is known what came of asking for a key's server.
func (m *memory) answered(own ownKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sent, own)
}
