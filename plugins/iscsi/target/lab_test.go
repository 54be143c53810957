package target

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
)

// The tests of this file's users run real daemons and clients on an address of
// this process alone: 127.0.0.0/8 is all this machine's.

const (
	authority = "iqn.2026-01.dev.meson.test"
	initiator = authority + ":host1"
)

var lastPort atomic.Uint32

// needTgt skips the test where tgt and its clients are not installed, and fails it
// where they must be: lab/deps iscsi.
func needTgt(tb testing.TB) {
	tb.Helper()
	for _, program := range []string{"tgtd", "tgtadm", "iscsi-inq", "iscsi-test-cu", "qemu-io", "qemu-storage-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			if slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), "iscsi") {
				tb.Fatalf("%v; lab/deps iscsi installs it", err)
			}
			tb.Skipf("no %s: lab/deps iscsi installs it", program)
		}
	}
}

// portal is one that no other test has.
func portal(tb testing.TB) string {
	tb.Helper()
	pid := os.Getpid()
	addr := netip.AddrFrom4([4]byte{127, byte(64 + pid>>14&63), byte(pid >> 7), byte(1 + pid&127)})
	first := uint16(3260 + lastPort.Add(1))
	p, err := Portals{Address: addr, First: first, Last: first}.Free(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// testHost has a directory of its own, whose daemons end with the test.
func testHost(tb testing.TB) *Host {
	tb.Helper()
	dir, err := os.MkdirTemp("/tmp", "tgt")
	if err != nil {
		tb.Fatal(err)
	}
	h, err := New(Options{Dir: dir, Log: slog.New(slog.NewTextHandler(tb.Output(), nil))})
	if err != nil {
		tb.Fatal(err)
	}
	h.answer, h.fencing = 5*time.Second, time.Second
	tb.Cleanup(func() {
		all, err := h.List(context.Background())
		if err != nil {
			tb.Log(err)
		}
		for _, s := range all {
			if err := h.Stop(context.Background(), s.Key); err != nil {
				tb.Error(err)
			}
		}
		_ = os.RemoveAll(dir)
	})
	return h
}

// testVolume is a raw image of that many bytes with a writer's target, locked as
// the plugin does it.
func testVolume(tb testing.TB, size int64) Volume {
	tb.Helper()
	dir := tb.TempDir()
	v := Volume{Key: "vol1", Image: filepath.Join(dir, "data.img"), Portals: []string{portal(tb)}, Targets: []Target{testTarget(1, "a1")}}
	f, err := os.OpenFile(v.Image, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		tb.Fatal(err)
	}
	v.Locks = func(context.Context) ([]*os.File, error) {
		lock, err := LockFile(filepath.Join(dir, "lock"))
		if err != nil {
			return nil, err
		}
		image, err := LockImage(v.Image)
		if err != nil {
			_ = lock.Close()
			return nil, err
		}
		return []*os.File{lock, image}, nil
	}
	return v
}

func testTarget(epoch uint64, attachment string) Target {
	return Target{IQN: Name(authority, "vol1", epoch, attachment), Initiator: initiator, User: attachment, Password: NewPassword()}
}

func ensure(tb testing.TB, h *Host, v Volume) *Status {
	tb.Helper()
	s, err := h.Ensure(tb.Context(), v)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// login is what the volume's i-th target wants.
func (v *Volume) login(i int) targettest.Login {
	t := v.Targets[i]
	return targettest.Login{
		Portal: v.Portals[0], IQN: t.IQN, Initiator: t.Initiator, User: t.User, Password: t.Password.Reveal(), ReadOnly: t.ReadOnly,
	}
}

// inquire logs in once with libiscsi; what it said is in the error.
func inquire(tb testing.TB, l targettest.Login) error {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "iscsi-inq", "-i", l.Initiator, l.URL()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// eventually waits for something that takes its time.
func eventually(tb testing.TB, within time.Duration, what string, is func() bool) {
	tb.Helper()
	for end := time.Now().Add(within); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("not within %s: %s", within, what)
		}
	}
}
