package share

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The tests of this file's users run a real server and real clients, each in a
// network namespace of its own, on a network that is made for the test.

// network is a bridge without a way out, with the server's namespace and two
// clients'.
type network struct {
	tb      testing.TB
	name    string
	Server  netip.AddrPort
	Clients []netip.Addr
}

// required reports whether MESON_REQUIRE names a server.
func required(name string) bool {
	return slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), name)
}

// needs skips the test where a tool is not there, and fails it where it must be.
func needs(tb testing.TB, tools ...string) {
	tb.Helper()
	missing := ""
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = err.Error()
		}
	}
	if os.Geteuid() != 0 {
		missing = "not root"
	}
	if missing != "" && required("nfs") {
		tb.Fatalf("%s; lab/deps nfs installs it", missing)
	}
	if missing != "" {
		tb.Skipf("%s; lab/deps nfs installs it", missing)
	}
}

func newNetwork(tb testing.TB) *network {
	tb.Helper()
	needs(tb, "ganesha.nfsd", "nfs-ls", "nfs-cp", "nfs-cat", "ip")
	var b [3]byte
	_, _ = rand.Read(b[:])
	n := &network{tb: tb, name: "t" + hex.EncodeToString(b[:]), Server: netip.MustParseAddrPort("10.99.7.1:2049")}
	n.run("ip", "netns", "add", n.ns(0))
	tb.Cleanup(func() { n.run("ip", "netns", "del", n.ns(0)) })
	n.run("ip", "-n", n.ns(0), "link", "set", "lo", "up")
	n.run("ip", "-n", n.ns(0), "link", "add", "lan0", "type", "bridge")
	n.run("ip", "-n", n.ns(0), "addr", "add", "10.99.7.1/24", "dev", "lan0")
	n.run("ip", "-n", n.ns(0), "link", "set", "lan0", "up")
	for i := 1; i <= 2; i++ {
		n.run("ip", "netns", "add", n.ns(i))
		tb.Cleanup(func() { n.run("ip", "netns", "del", n.ns(i)) })
		port := fmt.Sprintf("p%d", i)
		n.run("ip", "-n", n.ns(0), "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", n.ns(i))
		n.run("ip", "-n", n.ns(0), "link", "set", port, "master", "lan0", "up")
		n.run("ip", "-n", n.ns(i), "addr", "add", fmt.Sprintf("10.99.7.1%d/24", i), "dev", "eth0")
		n.run("ip", "-n", n.ns(i), "link", "set", "eth0", "up")
		n.Clients = append(n.Clients, netip.MustParseAddr(fmt.Sprintf("10.99.7.1%d", i)))
	}
	return n
}

func (n *network) ns(i int) string { return fmt.Sprintf("%s-%d", n.name, i) }

func (n *network) run(name string, args ...string) {
	n.tb.Helper()
	if out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput(); err != nil {
		n.tb.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// inside runs f with the server's network, and what f starts.
func (n *network) inside(f func()) {
	n.tb.Helper()
	done := make(chan error)
	go func() {
		// The thread ends with the goroutine: it does not come back from there.
		runtime.LockOSThread()
		ns, err := os.Open(filepath.Join("/run/netns", n.ns(0)))
		if err == nil {
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
			_ = ns.Close()
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		n.tb.Fatal(err)
	}
}

// client runs a tool of libnfs as client 1 or 2; arguments that begin with / are
// paths on the server.
func (n *network) client(i int, tool string, args ...string) (string, error) {
	n.tb.Helper()
	for a, arg := range args {
		if path, ok := strings.CutPrefix(arg, "nfs:/"); ok {
			args[a] = fmt.Sprintf("nfs://%s/%s?version=4&nfsport=%d", n.Server.Addr(), path, n.Server.Port())
		}
	}
	ctx, cancel := context.WithTimeout(n.tb.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", n.ns(i), tool}, args...)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	// libnfs's tools do not tell every failure by their exit code.
	if bytes.Contains(out, []byte("NFS4ERR")) || bytes.Contains(out, []byte("Failed")) {
		return "", fmt.Errorf("%s: %s", tool, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// put writes a file on the server as a client.
func (n *network) put(i int, path, content string) error {
	n.tb.Helper()
	local := filepath.Join(n.tb.TempDir(), "file")
	if err := os.WriteFile(local, []byte(content), 0o644); err != nil {
		n.tb.Fatal(err)
	}
	_, err := n.client(i, "nfs-cp", local, "nfs:/"+path)
	return err
}

// get reads a file of the server as a client.
func (n *network) get(i int, path string) (string, error) {
	n.tb.Helper()
	give := time.Now().Add(15 * time.Second)
	for {
		out, err := n.client(i, "nfs-cat", "nfs:/"+path)
		// A server that was killed waits for the clients it had; kernels' clients
		// wait for it, libnfs's tools do not.
		if err == nil || !strings.Contains(err.Error(), "NFS4ERR_GRACE") || time.Now().After(give) {
			return out, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// server is a Server on the network whose process ends with the test.
func (n *network) server(dir string) *Server {
	n.tb.Helper()
	s, err := Open(Options{
		Dir: dir, Address: n.Server, Lease: 2 * time.Second, Patience: 3 * time.Second,
		Log: slog.New(slog.NewTextHandler(n.tb.Output(), nil)),
	})
	if err != nil {
		n.tb.Fatal(err)
	}
	n.tb.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			n.tb.Error(err)
		}
	})
	return s
}

// ensure has the server serve exactly these.
func (n *network) ensure(s *Server, exports ...Export) {
	n.tb.Helper()
	n.inside(func() {
		failed, err := s.Ensure(n.tb.Context(), func(context.Context) ([]Export, error) { return exports, nil })
		if err != nil || len(failed) > 0 {
			n.tb.Errorf("%v; %v", err, failed)
		}
	})
	if n.tb.Failed() {
		n.tb.FailNow()
	}
}

// only is a network of one address.
func only(a netip.Addr) []netip.Prefix { return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())} }
