package iscsi

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// daemonWay is a volume with a storage daemon, by one way.
type daemonWay struct {
	format   string
	kind     pb.ConnectionKind
	readOnly bool
	signal   syscall.Signal
	// epoch is the one that the same attachment has afterwards.
	epoch uint64
}

// Over NBD the rule is the same, and a client that connects again finds nothing under
// the old name. What a daemon cannot have kept to itself is served again as it was: of a
// raw volume, for readers, and after an end in order.
func TestWhatKilledDaemonsServed(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	const nbd, iscsi = pb.ConnectionKind_CONNECTION_KIND_NBD, pb.ConnectionKind_CONNECTION_KIND_ISCSI
	for name, way := range map[string]daemonWay{
		"qcow2 over nbd":          {"qcow2", nbd, false, syscall.SIGKILL, 2},
		"raw over nbd":            {"raw", nbd, false, syscall.SIGKILL, 1},
		"read over nbd":           {"qcow2", nbd, true, syscall.SIGKILL, 0},
		"read over iscsi":         {"qcow2", iscsi, true, syscall.SIGKILL, 0},
		"ended in order":          {"qcow2", nbd, false, syscall.SIGTERM, 1},
		"ended in order by iscsi": {"qcow2", iscsi, false, syscall.SIGTERM, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p := s.provider(Hooks{})
			req, v := volume(t, p, way.format, 1<<27)
			from := here()
			from.Kinds = []pb.ConnectionKind{way.kind}
			ask := export(req.GetOwner(), v.GetId(), "a1", from)
			ask.ReadOnly = way.readOnly
			x, err := p.Export(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			dirs, _ := filepath.Glob(filepath.Join(s.runtime, "[nf]", "*"))
			if len(dirs) != 1 {
				t.Fatalf("%q", dirs)
			}
			if way.kind == nbd && !way.readOnly {
				d := dialled(t, x)
				wrote(t, d, 0, 1, true)
				wrote(t, d, 1<<20, 2, false)
			}
			pid := daemonOf(t, dirs[0])
			if err := syscall.Kill(pid, way.signal); err != nil {
				t.Fatal(err)
			}
			s.gone("the storage daemon", func() bool { return daemonOf(t, dirs[0]) != pid })
			f, err := p.store.find(t.Context(), v.GetId())
			if err == nil {
				err = p.store.settle(t.Context(), f)
			}
			if err != nil {
				t.Fatal(err)
			}
			if way.kind == nbd && way.epoch == 2 {
				over(t, func() (*pb.Volume, error) { return p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()}) })
			}
			again, err := p.Export(t.Context(), ask)
			if err != nil || again.GetEpoch() != way.epoch {
				t.Fatalf("%v, %v, want epoch %d", again, err, way.epoch)
			}
			if same := again.GetConnection().String() == x.GetConnection().String(); same != (way.epoch != 2) {
				t.Errorf("the connection is now %v", again.GetConnection())
			}
			if way.kind == nbd && !way.readOnly {
				d := dialled(t, again)
				holds(t, d, 0, 1)
				wrote(t, d, 0, 3, true)
			}
			if way.epoch == 2 {
				if d, err := dial(x); err == nil {
					_ = d.Close()
					t.Error("a client comes back under the old name")
				}
			}
			s.empty(p)
		})
	}
}

// While the process by which a writer was served is not quite dead, no other one takes
// its place, and what is recorded of it stays until it can be judged.
func TestDyingDaemonIsWaitedFor(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	from := here()
	from.Kinds = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD}
	var all []found
	for range 2 {
		req, v := volume(t, p, "qcow2", 1<<27)
		if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", from)); err != nil {
			t.Fatal(err)
		}
		f, err := p.store.find(t.Context(), v.GetId())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	// One that runs, and is not found where the volume's daemon is looked for.
	dying := all[1].Use("a1").Served
	if err := all[0].at.vault.Hold(t.Context(), all[0].Ref(), func(_ context.Context, h *vault.Held) error { return h.Serve("a1", dying) }); err != nil {
		t.Fatal(err)
	}
	pid := all[0].Use("a1").Served.PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	dir := p.store.nbdDir(all[0].Volume)
	s.gone("the storage daemon", func() bool { return daemonOf(t, dir) == 0 })
	settled := func() (*vault.Use, error) {
		err := p.store.settle(t.Context(), all[0])
		f, ferr := p.store.find(t.Context(), all[0].ID)
		if ferr != nil {
			t.Fatal(ferr)
		}
		return f.Use("a1"), err
	}
	if u, err := settled(); sdk.KindOf(err) != sdk.Unavailable || *u.Served != *dying || !u.Lost.IsZero() || daemonOf(t, dir) != 0 {
		t.Errorf("while it is dying: %+v, %v, want Unavailable, and none that serves", u, err)
	}
	if err := syscall.Kill(dying.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.gone("the other one", func() bool { return !image.Identity(*dying).Runs() })
	if u, err := settled(); err != nil || u.Lost.IsZero() || daemonOf(t, dir) != 0 {
		t.Errorf("when it is dead: %+v, %v, want it lost", u, err)
	}
	s.empty(p)
}

func dial(x *pb.ExportResponse) (*targettest.Disk, error) {
	rest, _ := strings.CutPrefix(x.GetConnection().GetNbd().GetUri(), "nbd+unix:///")
	name, socket, _ := strings.Cut(rest, "?socket=")
	return targettest.OpenDisk(socket, name)
}

func dialled(t *testing.T, x *pb.ExportResponse) *targettest.Disk {
	t.Helper()
	d, err := dial(x)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
