package share

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A process that makes the server agree with its records may be killed at any
// instant: the next call sets all right, and there is one server.
func TestKilledEnsure(t *testing.T) {
	if dir := os.Getenv("MESON_SHARE_CHILD"); dir != "" {
		child(t, dir)
		return
	}
	n := newNetwork(t)
	dir, data := t.TempDir(), t.TempDir()
	s := n.server(dir)
	client := n.Clients[0]
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for round := range 12 {
		cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", n.ns(0), os.Args[0], "-test.run", "^TestKilledEnsure$")
		cmd.Env = append(os.Environ(), "MESON_SHARE_CHILD="+dir, "MESON_SHARE_DATA="+data, "MESON_SHARE_CLIENT="+client.String(), "MESON_SHARE_ADDRESS="+n.Server.String())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		after := time.Duration(random.IntN(400)) * time.Millisecond
		time.Sleep(after)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		keep := fmt.Sprintf("at-%d", round%2)
		n.inside(func() {
			list := func(context.Context) ([]Export, error) {
				return []Export{{Attachment: keep, Dir: data, Clients: only(client)}}, nil
			}
			failed, err := s.Ensure(t.Context(), list)
			if err != nil || len(failed) > 0 {
				t.Errorf("killed after %v: %v, %v", after, failed, err)
			}
		})
		if _, err := n.client(1, "nfs-ls", "nfs:/"+keep+"/"); err != nil {
			log, _ := os.ReadFile(s.file(logFile))
			t.Errorf("killed after %v: %v; the server's log ends:\n%s", after, err, log[max(0, len(log)-3000):])
		}
		if _, err := n.client(1, "nfs-ls", fmt.Sprintf("nfs:/at-%d/", 1-round%2)); err == nil {
			t.Errorf("killed after %v: what is not recorded is served", after)
		}
		if servers := serversOf(t, s); servers != 1 {
			t.Errorf("killed after %v: %d servers", after, servers)
		}
	}
}

// child changes what is served until it is killed; now and then it ends the
// server, so that it starts one too.
func child(t *testing.T, dir string) {
	s, err := Open(Options{Dir: dir, Address: netip.MustParseAddrPort(os.Getenv("MESON_SHARE_ADDRESS")), Lease: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for round := 0; ; round++ {
		var exports []Export
		for i := range round % 3 {
			exports = append(exports, Export{
				Attachment: fmt.Sprintf("at-%d", i), Dir: os.Getenv("MESON_SHARE_DATA"), Clients: only(netip.MustParseAddr(os.Getenv("MESON_SHARE_CLIENT"))),
			})
		}
		if _, err := s.Ensure(t.Context(), func(context.Context) ([]Export, error) { return exports, nil }); err != nil {
			t.Log(err)
		}
	}
}

// serversOf counts the servers of a directory.
func serversOf(t *testing.T, s *Server) int {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, line := range lines {
		if text, err := os.ReadFile(line); err == nil && strings.HasPrefix(filepath.Base(strings.Split(string(text), "\x00")[0]), "ganesha") &&
			strings.Contains(string(text), s.file(configFile)) {
			count++
		}
	}
	return count
}
