package hosts

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"libvirt.org/go/libvirt"
)

// libvirt's test driver is a whole host within the process.
const testURI = "test:///default"

// openTest opens a host that is asked for events by whoever waits for them alone.
func openTest(t *testing.T, uri string) *Host {
	t.Helper()
	return openListening(t, uri, time.Hour)
}

func openListening(t *testing.T, uri string, after time.Duration) *Host {
	t.Helper()
	h := Open(Options{Name: "h", URI: uri, Log: slog.New(slog.DiscardHandler), Retry: 100 * time.Millisecond, ListenAfter: after})
	t.Cleanup(h.Close)
	return h
}

// loseSession ends a host's connection, as its other side does.
func loseSession(h *Host) {
	h.mu.Lock()
	s := h.session
	h.mu.Unlock()
	s.lose()
}

func TestDo(t *testing.T) {
	h := openTest(t, testURI)
	name, err := Ask(t.Context(), h, "ask name", func(c *libvirt.Connect) (string, error) { return c.GetType() })
	if err != nil || name != "TEST" {
		t.Errorf("%q, %v", name, err)
	}
	if g := h.Generation(); g != 1 {
		t.Errorf("generation %d after one connection", g)
	}
	err = h.Do(t.Context(), "look up", func(c *libvirt.Connect) error {
		_, err := c.LookupDomainByName("nobody")
		return err
	})
	var e *Error
	if !errors.As(err, &e) || !e.Sent || e.Lost || !Is(err, libvirt.ERR_NO_DOMAIN) {
		t.Errorf("%#v: want an answer of libvirt's", err)
	}
}

// A call that hangs costs its caller his time and nobody else anything.
func TestHungCall(t *testing.T) {
	h := openTest(t, testURI)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := h.Do(ctx, "hang", func(*libvirt.Connect) error { <-release; return nil })
	var e *Error
	if !errors.As(err, &e) || !e.Sent || !e.Lost || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%#v: want sent and lost", err)
	}
	if err := h.Do(t.Context(), "go on", func(*libvirt.Connect) error { return nil }); err != nil {
		t.Error(err)
	}
}

// Calls that hang take no more than the host's slots: the next one is refused
// when its time is up, and nothing is sent.
func TestSlots(t *testing.T) {
	h := openTest(t, testURI)
	release := make(chan struct{})
	for range maxCalls {
		started := make(chan struct{})
		go func() {
			_ = h.Do(context.Background(), "hang", func(*libvirt.Connect) error { close(started); <-release; return nil })
		}()
		<-started
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := h.Do(ctx, "wait", func(*libvirt.Connect) error { t.Error("was sent"); return nil })
	var e *Error
	if !errors.As(err, &e) || e.Sent {
		t.Errorf("%#v: want not sent", err)
	}
	close(release)
	if err := h.Do(t.Context(), "go on", func(*libvirt.Connect) error { return nil }); err != nil {
		t.Error(err)
	}
}

// A host that refuses is told at once; one that takes the connection and says
// nothing, after a bounded time. Both are not sent.
func TestUnreachable(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	refusing := openTest(t, "qemu:///system?socket="+socket)
	began := time.Now()
	err := refusing.Do(t.Context(), "connect", func(*libvirt.Connect) error { return nil })
	var e *Error
	if !errors.As(err, &e) || e.Sent || !e.Lost || time.Since(began) > 2*time.Second {
		t.Errorf("refusing: %#v after %v", err, time.Since(began))
	}

	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "mute"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mute := openTest(t, "qemu:///system?socket="+l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began = time.Now()
	err = mute.Do(ctx, "connect", func(*libvirt.Connect) error { return nil })
	if !errors.As(err, &e) || e.Sent || time.Since(began) > time.Second {
		t.Errorf("mute: %#v after %v", err, time.Since(began))
	}
}

// Changes are heard, and forget what was read before.
func TestEvents(t *testing.T) {
	h := openTest(t, testURI)
	list, err := h.Domains(t.Context())
	if err != nil || len(list) != 1 || !list[0].Active() {
		t.Fatalf("%v, %v", list, err)
	}
	again, err := h.Domains(t.Context())
	if err != nil || again[0] == list[0] {
		t.Errorf("a domain of whose changes nobody hears was not read again; %v", err)
	}
	changes := h.Subscribe(list[0].UUID)
	defer changes.Close()
	others := h.Subscribe("6d65736f-6e00-5000-8000-00000000cafe")
	defer others.Close()
	for _, s := range []*Subscription{changes, others} { // events are heard
		select {
		case <-s.C:
		case <-time.After(5 * time.Second):
			t.Fatal("nothing is heard")
		}
	}
	if list, err = h.Domains(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, err = h.Domains(t.Context()); err != nil || again[0] != list[0] {
		t.Errorf("an unchanged domain was read again; %v", err)
	}
	err = h.Do(t.Context(), "stop", func(c *libvirt.Connect) error {
		d, err := c.LookupDomainByUUIDString(list[0].UUID)
		if err != nil {
			return err
		}
		defer d.Free()
		return d.Destroy()
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-changes.C:
	case <-time.After(5 * time.Second):
		t.Fatal("no event")
	}
	select {
	case <-others.C:
		t.Error("an event of another domain was heard")
	default:
	}
	list, err = h.Domains(t.Context())
	if err != nil || len(list) != 1 || list[0].Active() {
		t.Errorf("after the stop: %v, %v", list, err)
	}
}

// Events are heard after a while without anybody who waits for them, and by whom waits
// from the beginning of a connection on.
func TestListening(t *testing.T) {
	heard := func(h *Host) bool {
		h.cache.mu.Lock()
		defer h.cache.mu.Unlock()
		return h.cache.told
	}
	hears := func(h *Host, who string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !heard(h); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s hears nothing", who)
			}
		}
	}
	hears(openListening(t, testURI, time.Millisecond), "who lives on")

	h := openTest(t, testURI)
	if err := h.Do(t.Context(), "connect", func(*libvirt.Connect) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if heard(h) {
		t.Error("events are asked for that nobody wants")
	}
	changes := h.Subscribe("6d65736f-6e00-5000-8000-00000000cafe")
	defer changes.Close()
	hears(h, "who waits")
	loseSession(h)
	for h.Generation() != 2 {
		time.Sleep(time.Millisecond)
	}
	hears(h, "who waits already")
}

// A lost connection is opened again; what was read over the old one is not
// believed any more.
func TestReopen(t *testing.T) {
	h := openTest(t, testURI)
	if _, err := h.Domains(t.Context()); err != nil {
		t.Fatal(err)
	}
	changes := h.Subscribe("")
	defer changes.Close()
	loseSession(h)
	for h.Generation() != 2 {
		select {
		case <-changes.C:
		case <-time.After(5 * time.Second):
			t.Fatal("not opened again")
		}
	}
	if _, ok := h.cache.recent(); ok {
		t.Error("the list of the old connection is still believed")
	}
	if err := h.Do(t.Context(), "go on", func(*libvirt.Connect) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestClosed(t *testing.T) {
	h := openTest(t, testURI)
	h.Close()
	err := h.Do(t.Context(), "after the end", func(*libvirt.Connect) error { return nil })
	var e *Error
	if !errors.As(err, &e) || e.Sent || !errors.Is(err, ErrClosed) {
		t.Errorf("%#v", err)
	}
}

func TestUnattended(t *testing.T) {
	for uri, want := range map[string]string{
		"qemu:///system":                       "qemu:///system",
		"qemu+ssh://root@kvm1/system":          "qemu+ssh://root@kvm1/system?no_tty=1",
		"qemu+ssh://kvm1/system?keyfile=/k":    "qemu+ssh://kvm1/system?keyfile=%2Fk&no_tty=1",
		"qemu+ssh://kvm1/system?no_tty=0":      "qemu+ssh://kvm1/system?no_tty=0",
		"qemu:///system?socket=/run/x":         "qemu:///system?socket=/run/x",
		"qemu+tcp://10.0.0.1/system":           "qemu+tcp://10.0.0.1/system",
		"test:///default":                      "test:///default",
		"qemu+libssh2://kvm1/system?sshauth=x": "qemu+libssh2://kvm1/system?sshauth=x",
	} {
		if have := unattended(uri); have != want {
			t.Errorf("%s: %s, want %s", uri, have, want)
		}
	}
}
