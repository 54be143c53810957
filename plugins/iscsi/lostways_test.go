package iscsi

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
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
