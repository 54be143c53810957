package kvm

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// A socket that nobody serves is no provider, and costs no time.
func TestDiscoverNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if anyExists([]string{"/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"}) {
		t.Skip("this machine has a libvirt of its own")
	}
	socket := filepath.Join(dir, "libvirt", "libvirt-sock")
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	found, err := discover(t.Context())
	if err != nil || len(found) != 0 || time.Since(began) > 3*time.Second {
		t.Errorf("%v, %v after %v", found, err, time.Since(began))
	}
}

// What is found can be added as it stands, with the pool and the network that
// are there.
func TestGreeting(t *testing.T) {
	l := theLab(t)
	seen, err := greet(t.Context(), l.uri(l.hosts()[0]))
	if err != nil {
		t.Fatal(err)
	}
	config, err := seen.config("local", "qemu:///system")
	if err != nil {
		t.Fatal(err)
	}
	c, err := sdk.DecodeConfig[Config]([]byte(config), nil)
	if err != nil {
		t.Fatalf("%s: %v", config, err)
	}
	if c.Pool != "meson" || c.Network != "default" || !c.Free || c.Name != "local" {
		t.Errorf("%+v", c)
	}
	if seen.threads == 0 || seen.memoryMiB == 0 || !strings.HasPrefix(seen.version, "libvirt ") {
		t.Errorf("%+v", seen)
	}
}

func TestWhoseURI(t *testing.T) {
	for uri, want := range map[string]struct{ local, unprivileged bool }{
		"qemu:///system":                 {true, false},
		"qemu:///session":                {true, true},
		"qemu+ssh://kvm1/system":         {false, false},
		"qemu+ssh://ann@kvm1/session":    {false, true},
		"qemu:///system?socket=/x/sock":  {false, false},
		"qemu:///session?socket=/x/sock": {false, true},
	} {
		if local(uri) != want.local || unprivileged(uri) != want.unprivileged {
			t.Errorf("%s: local %v, unprivileged %v", uri, local(uri), unprivileged(uri))
		}
	}
}
