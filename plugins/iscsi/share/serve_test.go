package share

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/sdk"
)

// Two clients of one directory, each by an attachment of its own, see each
// other's files, and neither comes in by the other's way.
func TestTwoClientsShareADirectory(t *testing.T) {
	n := newNetwork(t)
	s := n.server(t.TempDir())
	data := t.TempDir()
	n.ensure(s,
		Export{Attachment: "web-1", Dir: data, Clients: only(n.Clients[0])},
		Export{Attachment: "web-2", Dir: data, Clients: only(n.Clients[1])},
	)
	var wg sync.WaitGroup
	for i := 1; i <= 2; i++ {
		wg.Go(func() {
			for file := range 10 {
				if err := n.put(i, fmt.Sprintf("web-%d/of-%d-%d", i, i, file), fmt.Sprintf("by %d", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := 1; i <= 2; i++ {
		for file := range 10 {
			got, err := n.get(i, fmt.Sprintf("web-%d/of-%d-%d", i, 3-i, file))
			if want := fmt.Sprintf("by %d", 3-i); err != nil || got != want {
				t.Errorf("client %d reads %q, %v; want %q", i, got, err, want)
			}
		}
		if got, err := n.get(i, fmt.Sprintf("web-%d/of-1-0", 3-i)); err == nil {
			t.Errorf("client %d reads %q by the attachment of the other", i, got)
		}
	}
	local, err := os.ReadDir(data)
	if err != nil || len(local) != 20 {
		t.Errorf("%d files, %v; want 20", len(local), err)
	}
	if root, err := n.client(1, "nfs-ls", "nfs:/"); err != nil || !strings.Contains(root, "web-1") || strings.Contains(root, "web-2") {
		t.Errorf("client 1 sees %q, %v; want web-1 alone", root, err)
	}
}

func TestReadOnlyRefusesWrites(t *testing.T) {
	n := newNetwork(t)
	s := n.server(t.TempDir())
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "x"), []byte("as it was"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := Export{Attachment: "ro-1", Dir: data, Clients: only(n.Clients[0]), ReadOnly: true}
	n.ensure(s, e)
	if got, err := n.get(1, "ro-1/x"); err != nil || got != "as it was" {
		t.Errorf("%q, %v", got, err)
	}
	if err := n.put(1, "ro-1/y", "no"); err == nil || !strings.Contains(err.Error(), "ROFS") {
		t.Errorf("%v; want that the file system is read-only", err)
	}
	e.ReadOnly = false
	n.ensure(s, e)
	if err := n.put(1, "ro-1/y", "yes"); err != nil {
		t.Errorf("after it became writable: %v", err)
	}
}

// Ending one attachment ends it at once, and does not disturb the other.
func TestUnexport(t *testing.T) {
	n := newNetwork(t)
	s := n.server(t.TempDir())
	data := t.TempDir()
	one := Export{Attachment: "one", Dir: data, Clients: only(n.Clients[0])}
	two := Export{Attachment: "two", Dir: data, Clients: only(n.Clients[1])}
	n.ensure(s, one, two)
	if err := errors.Join(n.put(1, "one/x", "1"), n.put(2, "two/y", "2")); err != nil {
		t.Fatal(err)
	}
	before, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n.ensure(s, two)
	if got, err := n.get(1, "one/x"); err == nil {
		t.Errorf("client 1 still reads %q", got)
	}
	if err := n.put(1, "one/z", "no"); err == nil {
		t.Error("client 1 still writes")
	}
	if err := n.put(2, "two/z", "still"); err != nil {
		t.Errorf("client 2: %v", err)
	}
	after, err := s.Status(t.Context())
	if err != nil || after.PID != before.PID {
		t.Errorf("server %d became %d, %v: want the same", before.PID, after.PID, err)
	}
	if want := []string{"two"}; !cmp.Equal(after.Attachments, want) {
		t.Errorf("serves %v, want %v", after.Attachments, want)
	}
	n.ensure(s)
	if after, err := s.Status(t.Context()); err != nil || after.PID != 0 {
		t.Errorf("server %d runs without exports, %v", after.PID, err)
	}
}

// A server that was killed is back with the same numbers, one that hangs is
// replaced, and one that lives is left alone.
func TestServerIsKeptUp(t *testing.T) {
	n := newNetwork(t)
	dir, data := t.TempDir(), t.TempDir()
	s := n.server(dir)
	e := Export{Attachment: "a-1", Dir: data, Clients: only(n.Clients[0])}
	n.ensure(s, Export{Attachment: "a-0", Dir: data, Clients: only(n.Clients[1])}, e)
	n.ensure(s, e)
	if err := n.put(1, "a-1/x", "1"); err != nil {
		t.Fatal(err)
	}
	number := func() uint16 {
		st, err := readState(s.file("state.json"))
		if err != nil {
			t.Fatal(err)
		}
		return st.Numbers["a-1"]
	}
	before, had := status(t, s), number()
	n.ensure(s, e)
	// Another process of ours finds it.
	again := n.server(dir)
	n.ensure(again, e)
	if now := status(t, again); now.PID != before.PID {
		t.Fatalf("server %d became %d without a reason", before.PID, now.PID)
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		before := status(t, s)
		if err := syscall.Kill(before.PID, sig); err != nil {
			t.Fatal(err)
		}
		if sig == syscall.SIGKILL {
			for status(t, s).PID != 0 {
				time.Sleep(time.Millisecond)
			}
		}
		n.ensure(again, e)
		if now := status(t, s); now.PID == before.PID || now.PID == 0 {
			t.Errorf("after %v: server %d became %d", sig, before.PID, now.PID)
		}
		if got, err := n.get(1, "a-1/x"); err != nil || got != "1" {
			t.Errorf("after %v: %q, %v", sig, got, err)
		}
		if number() != had {
			t.Errorf("after %v: number %d became %d: clients' file handles are stale", sig, had, number())
		}
	}
}

func status(t *testing.T, s *Server) Status {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// What cannot be served is told by attachment; all else is served.
func TestOneFaultDoesNotStopTheOthers(t *testing.T) {
	n := newNetwork(t)
	s := n.server(t.TempDir())
	data := t.TempDir()
	good := Export{Attachment: "good", Dir: data, Clients: only(n.Clients[0])}
	bad := []Export{
		{Attachment: "gone", Dir: filepath.Join(data, "gone"), Clients: only(n.Clients[0])},
		{Attachment: "proc", Dir: "/proc", Clients: only(n.Clients[0])},
		{Attachment: "nobody", Dir: data},
		{Attachment: "relative", Dir: "data", Clients: only(n.Clients[0])},
		{Attachment: "quoted", Dir: data + `"; }`, Clients: only(n.Clients[0])},
	}
	want := map[string]sdk.Kind{"gone": sdk.NotFound, "proc": sdk.Unsupported, "nobody": sdk.Invalid, "relative": sdk.Invalid, "quoted": sdk.Invalid}
	for round := range 2 { // by a start, then by reading again
		n.inside(func() {
			failed, err := s.Ensure(t.Context(), func(context.Context) ([]Export, error) { return append(bad, good), nil })
			if err != nil {
				t.Error(err)
			}
			got := map[string]sdk.Kind{}
			for id, err := range failed {
				got[id] = sdk.KindOf(err)
				t.Log(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("want -, got +\n%s", d)
			}
		})
		if err := n.put(1, fmt.Sprintf("good/x%d", round), "1"); err != nil {
			t.Error(err)
		}
	}
}

// Readings of the records that overtake each other do not bring back what is
// gone.
func TestEnsureReadsUnderItsLock(t *testing.T) {
	n := newNetwork(t)
	dir, data := t.TempDir(), t.TempDir()
	servers := []*Server{n.server(dir), n.server(dir)}
	var mu sync.Mutex
	records := map[string]Export{}
	list := func(context.Context) ([]Export, error) {
		mu.Lock()
		defer mu.Unlock()
		var out []Export
		for _, e := range records {
			out = append(out, e)
		}
		return out, nil
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id := fmt.Sprintf("at-%d", i)
			for _, keep := range []bool{true, false, i%2 == 0} {
				mu.Lock()
				if keep {
					records[id] = Export{Attachment: id, Dir: data, Clients: only(n.Clients[i%2])}
				} else {
					delete(records, id)
				}
				mu.Unlock()
				n.inside(func() {
					if failed, err := servers[i%2].Ensure(t.Context(), list); err != nil || len(failed) > 0 {
						t.Error(err, failed)
					}
				})
			}
		})
	}
	wg.Wait()
	if got, want := status(t, servers[0]).Attachments, []string{"at-0", "at-2", "at-4", "at-6"}; !cmp.Equal(got, want) {
		t.Errorf("serves %v, want %v", got, want)
	}
	for i := range 8 {
		err := n.put(i%2+1, fmt.Sprintf("at-%d/x%d", i, i), "x")
		if (err == nil) != (i%2 == 0) {
			t.Errorf("at-%d: %v", i, err)
		}
	}
}

func TestOpenNamesEveryFault(t *testing.T) {
	_, err := Open(Options{Dir: "x", Address: netip.MustParseAddrPort("0.0.0.0:0")})
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || len(e.Faults) != 3 {
		t.Errorf("%v; want three faults", err)
	}
}

// A server that cannot start is an error that says why, and nothing is left
// running.
func TestServerThatDoesNotStart(t *testing.T) {
	n := newNetwork(t)
	data := t.TempDir()
	ensure := func(s *Server) (err error) {
		n.inside(func() {
			_, err = s.Ensure(t.Context(), func(context.Context) ([]Export, error) {
				return []Export{{Attachment: "a", Dir: data, Clients: only(n.Clients[0])}}, nil
			})
		})
		return err
	}
	t.Run("port in use", func(t *testing.T) {
		var l net.Listener
		var err error
		n.inside(func() { l, err = net.Listen("tcp", n.Server.String()) })
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := n.server(t.TempDir())
		err = ensure(s)
		if sdk.KindOf(err) != sdk.Unavailable || !strings.Contains(err.Error(), "bind") {
			t.Errorf("%v; want Unavailable, because of the port", err)
		}
		t.Log(err)
		if pid := status(t, s).PID; pid != 0 {
			t.Errorf("server %d runs", pid)
		}
	})
	t.Run("no server installed", func(t *testing.T) {
		s := n.server(t.TempDir())
		s.opts.Binary = "ganesha.nfsd-that-is-not-there"
		err := ensure(s)
		if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Kind != sdk.Unavailable || !strings.Contains(e.Hint, "nfs-ganesha-vfs") {
			t.Errorf("%v; want Unavailable, with the packages", err)
		}
	})
	t.Run("records that cannot be read", func(t *testing.T) {
		s := n.server(t.TempDir())
		n.ensure(s, Export{Attachment: "a", Dir: data, Clients: only(n.Clients[0])})
		failure := errors.New("no records")
		if _, err := s.Ensure(t.Context(), func(context.Context) ([]Export, error) { return nil, failure }); !errors.Is(err, failure) {
			t.Errorf("%v; want %v", err, failure)
		}
		if err := n.put(1, "a/x", "still"); err != nil {
			t.Errorf("what was served is not: %v", err)
		}
	})
}
