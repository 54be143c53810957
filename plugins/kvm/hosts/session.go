package hosts

import (
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"libvirt.org/go/libvirt"
)

// Keepalive: a connection whose other side is silent for about twelve seconds
// is closed, and every call under way on it ends. It begins with listening.
const (
	keepaliveSeconds = 3
	keepaliveMisses  = 3
)

// farewell is how long a session that was let go, and is not lost, stays open. A
// process that ends does so within that time, and libvirtd sees the end of its
// connection: were it to end while its events are being deregistered, libvirtd
// 9.0 would free them from two threads, and can die of it.
const farewell = 3 * time.Second

// session is one open connection. It is closed when it has been dropped and the
// last call on it has ended.
type session struct {
	conn *libvirt.Connect
	// lost is closed when the connection is of no more use.
	lost     chan struct{}
	loseOnce sync.Once
	events   []int

	mu      sync.Mutex
	refs    int
	dropped bool
	// lingers: it is closed after a farewell.
	lingers bool
}

func (s *session) lose() { s.loseOnce.Do(func() { close(s.lost) }) }

// use takes a reference; false where the session has been dropped.
func (s *session) use() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped {
		return false
	}
	s.refs++
	return true
}

func (s *session) done() {
	s.mu.Lock()
	s.refs--
	last := s.dropped && s.refs == 0
	s.mu.Unlock()
	if last {
		s.close()
	}
}

// drop lets the session be closed as soon as nobody uses it.
func (s *session) drop() {
	s.lose()
	s.mu.Lock()
	was := s.dropped
	s.dropped = true
	last := !was && s.refs == 0
	s.mu.Unlock()
	if last {
		s.close()
	}
}

// linger puts the close that follows a drop off.
func (s *session) linger() {
	s.mu.Lock()
	s.lingers = true
	s.mu.Unlock()
}

// close talks to the other side, which may hang: nobody waits for it.
func (s *session) close() {
	s.mu.Lock()
	lingers := s.lingers
	s.mu.Unlock()
	go func() {
		if lingers {
			time.Sleep(farewell)
		}
		for _, id := range s.events {
			_ = s.conn.DomainEventDeregister(id)
		}
		_ = s.conn.UnregisterCloseCallback()
		runLoop() // it closes the socket
		_, _ = s.conn.Close()
	}()
}

// dial opens a connection.
func dial(uri string) (*session, error) {
	if err := prepareLoop(); err != nil {
		return nil, err
	}
	conn, err := libvirt.NewConnect(unattended(uri))
	if err != nil {
		runLoop() // it closes what was opened in vain
		return nil, err
	}
	return &session{conn: conn, lost: make(chan struct{})}, nil
}

// listen notices from now on that the connection is of no more use, and registers for
// everything that can change what a domain is or uses. A driver that lacks one of the
// events is served by the callers' own polls. changed hears the UUID of every domain
// that changes, from libvirt's event loop: it must not block and must not call
// libvirt. The caller has a reference.
func (s *session) listen(log *slog.Logger, changed func(uuid string)) error {
	runLoop()
	if err := s.conn.RegisterCloseCallback(func(*libvirt.Connect, libvirt.ConnectCloseReason) { s.lose() }); err != nil && !unsupported(err) {
		return err
	}
	if err := s.conn.SetKeepAlive(keepaliveSeconds, keepaliveMisses); err != nil && !unsupported(err) {
		return err
	}
	heard := func(dom *libvirt.Domain) {
		if uuid, err := dom.GetUUIDString(); err == nil {
			changed(uuid)
		}
	}
	c := s.conn
	for name, register := range map[string]func() (int, error){
		"lifecycle": func() (int, error) {
			return c.DomainEventLifecycleRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventLifecycle) { heard(d) })
		},
		"metadata": func() (int, error) {
			return c.DomainEventMetadataChangeRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventMetadataChange) { heard(d) })
		},
		"tunable": func() (int, error) {
			return c.DomainEventTunableRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventTunable) { heard(d) })
		},
		"device added": func() (int, error) {
			return c.DomainEventDeviceAddedRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventDeviceAdded) { heard(d) })
		},
		"device removed": func() (int, error) {
			return c.DomainEventDeviceRemovedRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventDeviceRemoved) { heard(d) })
		},
		"agent": func() (int, error) {
			return c.DomainEventAgentLifecycleRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventAgentLifecycle) { heard(d) })
		},
	} {
		id, err := register()
		switch {
		case err == nil:
			s.events = append(s.events, id)
		case unsupported(err):
			log.Debug("libvirt event not supported", "event", name)
		default:
			return err
		}
	}
	return nil
}

// unattended keeps ssh from asking a person anything: nobody would see it.
func unattended(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || !strings.HasSuffix(u.Scheme, "+ssh") || u.Query().Has("no_tty") {
		return uri
	}
	q := u.Query()
	q.Set("no_tty", "1")
	u.RawQuery = q.Encode()
	return u.String()
}

func unsupported(err error) bool {
	return Is(err, libvirt.ERR_NO_SUPPORT, libvirt.ERR_OPERATION_UNSUPPORTED, libvirt.ERR_ARGUMENT_UNSUPPORTED)
}
