package mapping

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

// The tests of this file's users map volumes with a real storage daemon and a
// real target, which they start and end.

const sizeBytes = 8 << 20

// needs skips the test where a tool is not there, and fails it where
// MESON_REQUIRE names iscsi.
func needs(tb testing.TB, tools ...string) {
	tb.Helper()
	missing := ""
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = err.Error()
		}
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		missing = err.Error()
	}
	switch {
	case missing == "":
	case slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), "iscsi"):
		tb.Fatalf("%s; lab/deps iscsi installs it", missing)
	default:
		tb.Skipf("%s; lab/deps iscsi installs it", missing)
	}
}

// newMapper is a Mapper whose every mapping is away when the test ends.
func newMapper(tb testing.TB) *Mapper {
	tb.Helper()
	needs(tb, "qemu-storage-daemon", "qemu-img")
	dir, err := os.MkdirTemp("", "map") // the paths of sockets are short
	if err != nil {
		tb.Fatal(err)
	}
	m, err := Open(Options{Dir: filepath.Join(dir, "m"), Log: slog.New(slog.NewTextHandler(tb.Output(), nil))})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		all, err := m.List(context.Background())
		for _, one := range all {
			if err := m.Unmap(context.Background(), one.ID, UnmapOptions{Force: true}); err != nil {
				tb.Error(err)
			}
		}
		if err != nil {
			tb.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	return m
}

// newImage is a volume of zeros.
func newImage(tb testing.TB, format string) core.Connection {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "data.img")
	run(tb, "qemu-img", "create", "-q", "-f", format, file, fmt.Sprint(sizeBytes))
	return core.Connection{Kind: core.ConnectFile, File: &core.FileConnection{File: file, Format: format}}
}

func run(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// target is a tgtd with one LUN behind a password.
type target struct {
	tb     testing.TB
	socket string
	pid    int
	File   string
	Way    core.Connection
}

const password = "Hw3-no-argument-shows-this"

func newTarget(tb testing.TB) *target {
	tb.Helper()
	needs(tb, "tgtd", "tgtadm", "iscsi-ls")
	if os.Geteuid() != 0 {
		tb.Skip("tgtd needs root")
	}
	dir, err := os.MkdirTemp("", "tgt")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	portal := l.Addr().String()
	_ = l.Close()
	t := &target{tb: tb, socket: filepath.Join(dir, "s"), File: filepath.Join(dir, "data.img")}
	if err := os.WriteFile(t.File, make([]byte, sizeBytes), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command("tgtd", "-f", "-C", "0", "--iscsi", "portal="+portal)
	cmd.Env = append(os.Environ(), "TGT_IPC_SOCKET="+t.socket)
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	t.pid = cmd.Process.Pid
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	iqn := "iqn.2026-01.dev.meson:test"
	for give := time.Now().Add(10 * time.Second); ; {
		if _, err := t.admin("--mode", "target", "--op", "new", "--tid", "1", "-T", iqn); err == nil {
			break
		} else if time.Now().After(give) {
			tb.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, args := range [][]string{
		{"--mode", "logicalunit", "--op", "new", "--tid", "1", "--lun", "1", "-b", t.File, "--bstype", "rdwr"},
		{"--mode", "account", "--op", "new", "--user", "ann", "--password", password},
		{"--mode", "account", "--op", "bind", "--tid", "1", "--user", "ann"},
		{"--mode", "target", "--op", "bind", "--tid", "1", "-I", "ALL"},
	} {
		if out, err := t.admin(args...); err != nil {
			tb.Fatalf("%v: %s", err, out)
		}
	}
	t.Way = core.Connection{Kind: core.ConnectISCSI, ISCSI: &core.ISCSIConnection{
		Portals: []string{portal}, TargetIQN: iqn, LUN: 1, InitiatorIQN: "iqn.2026-01.dev.meson:map-test",
		CHAPUser: "ann", CHAPPassword: core.NewSecret(password),
	}}
	return t
}

func (t *target) admin(args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), "tgtadm", append([]string{"-C", "0", "--lld", "iscsi"}, args...)...)
	cmd.Env = append(os.Environ(), "TGT_IPC_SOCKET="+t.socket)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// sessions is how many initiators are logged in.
func (t *target) sessions() int {
	t.tb.Helper()
	out, err := t.admin("--mode", "target", "--op", "show")
	if err != nil {
		t.tb.Fatal(err, out)
	}
	return strings.Count(out, "I_T nexus:")
}

// pattern is n bytes that are not zeros.
func pattern(n int) []byte { return bytes.Repeat([]byte("Meson!\n\x00"), n/8) }

// writeAt writes and syncs, without making the file shorter.
func writeAt(tb testing.TB, file string, data []byte, at int64) {
	tb.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, at); err != nil {
		tb.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		tb.Fatal(err)
	}
}
