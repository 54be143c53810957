package mapping

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
)

// What is written to the file is in the volume once it is unmapped, and nothing
// is left of the mapping.
func TestMapFile(t *testing.T) {
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			m := newMapper(t)
			c := newImage(t, format)
			got, err := m.Map(t.Context(), Request{ID: "at-1", Name: "data", VolumeID: "v1", Connection: c})
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(got.File)
			if err != nil || info.Size() != sizeBytes || got.SizeBytes != sizeBytes || got.State != Active {
				t.Errorf("%+v, %v, %v; want a file of %d bytes", got, info, err, sizeBytes)
			}
			writeAt(t, got.File, pattern(1<<20), 3<<20)
			if err := m.Unmap(t.Context(), "at-1", UnmapOptions{}); err != nil {
				t.Fatal(err)
			}
			raw := filepath.Join(t.TempDir(), "raw")
			run(t, "qemu-img", "convert", "-f", format, "-O", "raw", c.File.File, raw)
			data, err := os.ReadFile(raw)
			if err != nil || !bytes.Equal(data[3<<20:4<<20], pattern(1<<20)) || len(data) != sizeBytes {
				t.Errorf("%d bytes, %v: not what was written", len(data), err)
			}
			nothingLeft(t, m, "at-1", got.PID)
		})
	}
}

func nothingLeft(t *testing.T, m *Mapper, id string, pid int) {
	t.Helper()
	if left, err := m.List(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Lstat(m.dir(id)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v; want that it is gone", m.dir(id), err)
	}
	if m.isDaemon(pid, id) {
		t.Errorf("daemon %d still runs", pid)
	}
	if table, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(table), m.dir(id)) {
		t.Errorf("still mounted, %v", err)
	}
}

// A volume over iSCSI with CHAP: the password is nowhere to be read, the bytes
// arrive, and after Unmap nobody is logged in.
func TestMapISCSI(t *testing.T) {
	m := newMapper(t)
	target := newTarget(t)
	place := filepath.Join(t.TempDir(), "here")
	got, err := m.Map(t.Context(), Request{ID: "at-1", Connection: target.Way, File: place})
	if err != nil {
		t.Fatal(err)
	}
	if got.File != place || target.sessions() != 1 {
		t.Errorf("%s, %d sessions; want %s and 1", got.File, target.sessions(), place)
	}
	for _, of := range []string{"cmdline", "environ"} {
		if data, err := os.ReadFile(filepath.Join("/proc", itoa(got.PID), of)); err != nil || bytes.Contains(data, []byte(password)) {
			t.Errorf("%s shows the password, or %v", of, err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "grep", "-rI", password, m.opts.Dir).CombinedOutput(); err == nil {
		t.Errorf("the password stands in a file: %s", out)
	}
	writeAt(t, place, pattern(4096), 1<<20)
	// The target has what was synced.
	if data, err := os.ReadFile(target.File); err != nil || !bytes.Equal(data[1<<20:1<<20+4096], pattern(4096)) {
		t.Errorf("what was synced is not there, %v", err)
	}
	if err := m.Unmap(t.Context(), "at-1", UnmapOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := target.sessions(); n != 0 {
		t.Errorf("%d sessions after Unmap", n)
	}
	if _, err := os.Lstat(place); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", place, err)
	}
	nothingLeft(t, m, "at-1", got.PID)
}

func TestMapIsRefused(t *testing.T) {
	m := newMapper(t)
	target := newTarget(t)
	wrong := *target.Way.ISCSI
	wrong.CHAPPassword = core.NewSecret("another-secret-of-mine")
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := newImage(t, "raw")
	for name, tt := range map[string]struct {
		req  Request
		kind core.Kind
	}{
		"wrong password": {Request{ID: "a", Connection: core.Connection{Kind: core.ConnectISCSI, ISCSI: &wrong}}, core.Unavailable},
		"no server": {Request{ID: "a", Connection: core.Connection{
			Kind: core.ConnectNBD, NBD: &core.NBDConnection{URI: "nbd+unix:///x?socket=/nowhere/s"},
		}}, core.Unavailable},
		"a file that is there": {Request{ID: "a", Connection: image, File: taken}, core.Conflict},
		"no directory":         {Request{ID: "a", Connection: image, File: "/nowhere/x"}, core.NotFound},
		"an id with a path":    {Request{ID: "../a", Connection: image}, core.Invalid},
		"a form of its own":    {Request{ID: "a", Connection: image, As: "tape"}, core.Invalid},
		"rbd":                  {Request{ID: "a", Connection: core.Connection{Kind: core.ConnectRBD, RBD: &core.RBDConnection{}}}, core.Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := m.Map(t.Context(), tt.req)
			if core.KindOf(err) != tt.kind {
				t.Errorf("%v; want %s", err, tt.kind)
			}
			if err != nil && strings.Contains(err.Error(), "another-secret") {
				t.Errorf("the error shows the password: %v", err)
			}
			nothingLeft(t, m, "a", 0)
		})
	}
	if data, err := os.ReadFile(taken); err != nil || string(data) != "mine" {
		t.Errorf("%s has %q, %v", taken, data, err)
	}
}

// A shared volume cannot be mapped; how it is mounted is said.
func TestSharedVolumeIsMounted(t *testing.T) {
	m := newMapper(t)
	c := core.Connection{Kind: core.ConnectNFS, ReadOnly: true, NFS: &core.NFSConnection{Server: "10.0.0.1:2050", Export: "/at-1", Version: "4.2"}}
	_, err := m.Map(t.Context(), Request{ID: "at-1", Connection: c})
	e, ok := errors.AsType[*core.Error](err)
	const want = "as root: mount -t nfs4 -o vers=4.2,proto=tcp,port=2050,addr=10.0.0.1,hard,ro 10.0.0.1:/at-1 DIR"
	if !ok || e.Kind != core.Unsupported || e.Hint != want {
		t.Errorf("%#v; want the hint %q", err, want)
	}
	nothingLeft(t, m, "at-1", 0)
}

// A mapping that somebody has open stays; Force takes it from them.
func TestUnmapOfWhatIsOpen(t *testing.T) {
	m := newMapper(t)
	got, err := m.Map(t.Context(), Request{ID: "at-1", Connection: newImage(t, "raw")})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(got.File, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(pattern(4096), 0); err != nil {
		t.Fatal(err)
	}
	err = m.Unmap(t.Context(), "at-1", UnmapOptions{})
	busy, ok := errors.AsType[*BusyError](err)
	if !ok || core.KindOf(err) != core.Busy || len(busy.Holders) != 1 || !strings.Contains(busy.Holders[0], "("+itoa(os.Getpid())+")") {
		t.Fatalf("%v; want Busy by process %d", err, os.Getpid())
	}
	if _, err := f.WriteAt(pattern(4096), 4096); err != nil {
		t.Errorf("after a refused Unmap: %v", err)
	}
	if err := m.Unmap(t.Context(), "at-1", UnmapOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(pattern(4096), 0); err == nil {
		t.Error("what was taken can still be written")
	}
	nothingLeft(t, m, "at-1", got.PID)
}

// A daemon that was killed is a dead mapping, which is cleared away, or made
// anew by Map.
func TestKilledDaemon(t *testing.T) {
	m := newMapper(t)
	image := newImage(t, "qcow2")
	for _, again := range []bool{true, false} {
		got, err := m.Map(t.Context(), Request{ID: "at-1", Connection: image})
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(got.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for m.isDaemon(got.PID, "at-1") {
		}
		list, err := m.List(t.Context())
		if err != nil || len(list) != 1 || list[0].State != Dead || list[0].PID != 0 {
			t.Fatalf("%+v, %v; want one that is dead", list, err)
		}
		if again {
			if got, err = m.Map(t.Context(), Request{ID: "at-1", Connection: image}); err != nil || got.State != Active {
				t.Fatalf("%+v, %v", got, err)
			}
			writeAt(t, got.File, pattern(4096), 0)
		}
		if err := m.Unmap(t.Context(), "at-1", UnmapOptions{}); err != nil {
			t.Fatal(err)
		}
		nothingLeft(t, m, "at-1", got.PID)
	}
}

// Whatever a command that was killed has left is cleared away.
func TestHalfMadeMapping(t *testing.T) {
	for name, leave := range map[string]func(m *Mapper) error{
		"an empty directory": func(m *Mapper) error { return nil },
		"a broken record": func(m *Mapper) error {
			return os.WriteFile(filepath.Join(m.dir("at-1"), recordFile), []byte(`{"id": "at`), 0o600)
		},
		"a daemon without a volume": func(m *Mapper) error {
			_, _, err := m.startDaemon("at-1")
			return err
		},
		"a file that was made": func(m *Mapper) error {
			r := &record{Mapping: Mapping{ID: "at-1", As: AsFile, File: filepath.Join(m.opts.Dir, "elsewhere")}, Placed: true}
			return errors.Join(m.write(r), place(r))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMapper(t)
			if err := errors.Join(os.MkdirAll(m.dir("at-1"), 0o700), leave(m)); err != nil {
				t.Fatal(err)
			}
			if list, err := m.List(t.Context()); err != nil || len(list) != 1 || list[0].State != Dead {
				t.Errorf("%+v, %v; want one that is dead", list, err)
			}
			if err := m.Unmap(t.Context(), "at-1", UnmapOptions{}); err != nil {
				t.Fatal(err)
			}
			if pid, err := m.findDaemon("at-1"); err != nil || pid != 0 {
				t.Errorf("daemon %d, %v", pid, err)
			}
			nothingLeft(t, m, "at-1", 0)
			if left, _ := filepath.Glob(filepath.Join(m.opts.Dir, "[^.]*")); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// Commands that map the same at once get one mapping, and another process's
// Mapper finds it.
func TestMapAtOnce(t *testing.T) {
	m := newMapper(t)
	image := newImage(t, "raw")
	pids := make([]int, 5)
	var wg sync.WaitGroup
	for i := range pids {
		wg.Go(func() {
			other, err := Open(m.opts)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := other.Map(t.Context(), Request{ID: "at-1", Connection: image})
			if err != nil {
				t.Error(err)
			}
			pids[i] = got.PID
		})
	}
	wg.Wait()
	for _, pid := range pids {
		if pid == 0 || pid != pids[0] {
			t.Errorf("daemons %v; want one", pids)
			break
		}
	}
}

// Over NBD: a server of ours at one end, a tool that speaks it at the other; and
// a read-only mapping refuses writes.
func TestMapNBD(t *testing.T) {
	m := newMapper(t)
	needs(t, "qemu-io")
	image := newImage(t, "raw")
	server, err := m.Map(t.Context(), Request{ID: "server", Connection: image, As: AsNBD})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := url.Parse(server.URI); err != nil || server.File != "" {
		t.Errorf("%+v, %v", server, err)
	}
	run(t, "qemu-io", "-f", "raw", "-c", "write -P 7 0 4096", "-c", "flush", server.URI)
	file, err := m.Map(t.Context(), Request{ID: "file", Connection: core.Connection{
		Kind: core.ConnectNBD, ReadOnly: true, NBD: &core.NBDConnection{URI: server.URI},
	}})
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 4096)
	f, err := os.Open(file.File)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Read(data)
	if _ = f.Close(); err != nil || !cmp.Equal(data, bytes.Repeat([]byte{7}, 4096)) {
		t.Errorf("not what was written, %v", err)
	}
	if f, err := os.OpenFile(file.File, os.O_WRONLY, 0); err == nil {
		if _, err := f.Write(data); err == nil {
			t.Error("a read-only mapping was written")
		}
		_ = f.Close()
	}
	// The file's daemon is a client of the server's.
	if err := m.Unmap(t.Context(), "server", UnmapOptions{}); core.KindOf(err) != core.Busy {
		t.Errorf("%v; want Busy", err)
	}
	for _, id := range []string{"file", "server"} {
		if err := m.Unmap(t.Context(), id, UnmapOptions{}); err != nil {
			t.Error(err)
		}
	}
	nothingLeft(t, m, "server", server.PID)
}
