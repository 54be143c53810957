package iscsi

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// work is what a process does until it is killed, and what must hold when another
// one has repeated it.
type work struct {
	calls []proto.Message
	check func(t *testing.T, p *Provider)
}

// killCases prepare a volume and say what is done to it.
func killCases() map[string]func(t *testing.T, s *site, p *Provider) work {
	return map[string]func(t *testing.T, s *site, p *Provider) work{
		"create": func(t *testing.T, _ *site, p *Provider) work {
			req := order(t, p, "qcow2", 1<<27)
			return work{[]proto.Message{req}, holdsOne(req)}
		},
		"create from an image": func(t *testing.T, s *site, p *Provider) work {
			req := order(t, p, "qcow2", 1<<27)
			path := filepath.Join(s.t.TempDir(), "small.raw")
			if err := os.WriteFile(path, stamped(), 0o600); err != nil {
				t.Fatal(err)
			}
			p.config.ImageSources = []string{filepath.Dir(path)}
			s.settings["image_sources"] = []string{filepath.Dir(path)}
			req.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: path}}
			return work{[]proto.Message{req}, holdsStamp(req)}
		},
		"clone": func(t *testing.T, _ *site, p *Provider) work {
			_, v := filled(t, p, "qcow2")
			req := order(t, p, "qcow2", 1<<27)
			req.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()}
			return work{[]proto.Message{req}, holdsStamp(req)}
		},
		"export raw":   exportedThere("raw"),
		"export qcow2": exportedThere("qcow2"),
		"export nbd": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			from := here()
			from.Kinds = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD}
			x := export(req.GetOwner(), v.GetId(), "a1", from)
			return work{[]proto.Message{x}, served(x)}
		},
		"unexport": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}}, free(req)}
		},
		"snapshot in use": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "raw")
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			one := &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"}
			one.Owner.Broker = req.GetOwner().GetBroker()
			return work{[]proto.Message{one}, func(t *testing.T, p *Provider) {
				snapshots(t, p, v.GetId(), 1)
				served(x)(t, p)
				if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
					t.Error(err)
				}
				holdsStamp(req)(t, p)
			}}
		},
		"delete snapshot": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			one, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"})
			if err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.DeleteSnapshotRequest{VolumeId: v.GetId(), Id: one.GetId()}}, func(t *testing.T, p *Provider) {
				snapshots(t, p, v.GetId(), 0)
				holdsStamp(req)(t, p)
			}}
		},
		"revert": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			one, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"})
			if err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.RevertVolumeRequest{VolumeId: v.GetId(), SnapshotId: one.GetId()}}, func(t *testing.T, p *Provider) {
				snapshots(t, p, v.GetId(), 1)
				holdsStamp(req)(t, p)
			}}
		},
		"resize in use": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "raw")
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.ResizeVolumeRequest{Id: v.GetId(), SizeBytes: 1 << 28}}, func(t *testing.T, p *Provider) {
				now, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()})
				if err != nil || now.GetSpec().GetSizeBytes() != 1<<28 {
					t.Errorf("%v, %v", now, err)
				}
				served(x)(t, p)
				if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
					t.Error(err)
				}
				holdsStamp(req)(t, p)
			}}
		},
		"unlock by force": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "raw")
			if _, err := p.LockVolume(t.Context(), &pb.LockVolumeRequest{Id: v.GetId(), Lock: &pb.VolumeLock{Holder: req.GetOwner().GetBroker()}}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1))); err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.UnlockVolumeRequest{Id: v.GetId(), Holder: "b-other", Force: true}}, free(req)}
		},
		"delete": func(t *testing.T, _ *site, p *Provider) work {
			req, _ := filled(t, p, "qcow2")
			return work{[]proto.Message{&pb.DeleteVolumeRequest{Owner: req.GetOwner()}}, func(t *testing.T, p *Provider) {
				if _, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Owner: req.GetOwner()}); sdk.KindOf(err) != sdk.NotFound {
					t.Errorf("%v, want NotFound", err)
				}
			}}
		},
	}
}

// A process is killed at every step of every call. The call repeated by another one
// ends as if nothing had been, and what is removed leaves no trace.
func TestKillAtEveryStep(t *testing.T) {
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	for name, prepare := range killCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := stepsOf(t, prepare)
			if len(steps) == 0 {
				t.Fatal("the call has no steps")
			}
			for _, at := range chosen(t, steps) {
				t.Run(fmt.Sprintf("%s %d", at.name, at.nth), func(t *testing.T) { killAt(t, prepare, at) })
			}
		})
	}
}

// point is one occurrence of a step.
type point struct {
	name string
	nth  int
}

// stepsOf does the work once, to the end, and lists its steps.
func stepsOf(t *testing.T, prepare func(*testing.T, *site, *Provider) work) (steps []point) {
	t.Helper()
	s := newSite(t, nil)
	w := prepare(t, s, s.provider(Hooks{}))
	var mu sync.Mutex
	count := map[string]int{}
	p := s.provider(Hooks{Step: func(name string) {
		mu.Lock()
		defer mu.Unlock()
		count[name]++
		steps = append(steps, point{name, count[name]})
	}})
	mu.Lock()
	steps = nil // those of opening
	clear(count)
	mu.Unlock()
	for _, c := range w.calls {
		if err := callOf(c).do(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(steps)
}

// chosen are all points in a soak; otherwise some of them, by a seed that is logged.
func chosen(t *testing.T, steps []point) []point {
	t.Helper()
	if os.Getenv("MESON_SOAK") != "" || len(steps) <= 4 {
		return steps
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	return steps[:4]
}

func killAt(t *testing.T, prepare func(*testing.T, *site, *Provider) work, at point) {
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	w := prepare(t, s, p)
	job := task{Settings: s.config(), DieAt: at.name, Die: at.nth}
	for _, c := range w.calls {
		job.Calls = append(job.Calls, callOf(c))
	}
	// Opening has steps too, so that it may die a little earlier; that it does not die
	// at all is no fault of those that come in the background.
	startChild(t, job).wait(t)
	for _, c := range w.calls {
		again := func() error { return callOf(c).do(t.Context(), p) }
		err := again()
		for range 20 {
			if kind := sdk.KindOf(err); kind != sdk.Busy && kind != sdk.Uncertain && kind != sdk.Unavailable {
				break
			}
			time.Sleep(50 * time.Millisecond)
			err = again()
		}
		if err != nil {
			t.Fatalf("repeated: %v", err)
		}
	}
	w.check(t, p)
	s.empty(p)
}

// empty removes every volume and fails the test if anything is left of them.
func (s *site) empty(p *Provider) {
	t := s.t
	t.Helper()
	var all []*pb.Volume
	if err := p.ListVolumes(t.Context(), &pb.ListVolumesRequest{}, func(v *pb.Volume) error { all = append(all, v); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if len(v.GetFaults()) > 0 {
			t.Errorf("volume %s: %v", v.GetId(), v.GetFaults())
		}
		for _, u := range v.GetUses() {
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: u.GetAttachmentId(), Force: true}); err != nil {
				t.Error(err)
			}
		}
		if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Id: v.GetId()}); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(s.vault)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".meson" && e.Name() != "settings.json" {
			t.Errorf("%s is left in the vault", e.Name())
		}
	}
	h, err := target.New(target.Options{Dir: filepath.Join(s.runtime, "t")})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := h.List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("tgtd is left: %v, %v", left, err)
	}
	for _, kind := range []string{"n", "f"} {
		dirs, _ := filepath.Glob(filepath.Join(s.runtime, kind, "*"))
		for _, dir := range dirs {
			if d, err := image.New(image.Options{}).Find(t.Context(), dir); err != nil || d != nil {
				t.Errorf("a storage daemon is left in %s, %v", dir, err)
			}
		}
	}
}

// stamped is what filled volumes hold.
func stamped() []byte { return bytes.Repeat([]byte("meson was here\n\x00"), 1<<16) }

// filled imports a volume that holds the stamp.
func filled(t *testing.T, p *Provider, format string) (*pb.CreateVolumeRequest, *pb.Volume) {
	t.Helper()
	req := order(t, p, format, 1<<27)
	v, err := p.ImportVolume(t.Context(), &pb.ImportVolumeHeader{
		Owner: req.GetOwner(), Name: req.GetName(), Spec: req.GetSpec(), Offer: req.GetOffer(), Format: "raw",
	}, bytes.NewReader(stamped()))
	if err != nil {
		t.Fatal(err)
	}
	return req, v
}

func one(t *testing.T, p *Provider, o *pb.Owner) *pb.Volume {
	t.Helper()
	v, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Owner: &pb.Owner{Broker: o.GetBroker(), Key: o.GetKey()}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func holdsOne(req *pb.CreateVolumeRequest) func(*testing.T, *Provider) {
	return func(t *testing.T, p *Provider) {
		t.Helper()
		n := 0
		if err := p.ListVolumes(t.Context(), &pb.ListVolumesRequest{Broker: req.GetOwner().GetBroker()}, func(*pb.Volume) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("%d volumes, want 1, %v", n, err)
		}
	}
}

// holdsStamp reads the volume from its first byte to its last.
func holdsStamp(req *pb.CreateVolumeRequest) func(*testing.T, *Provider) {
	return func(t *testing.T, p *Provider) {
		t.Helper()
		holdsOne(req)(t, p)
		v := one(t, p, req.GetOwner())
		var got bytes.Buffer
		err := p.ExportVolume(t.Context(), &pb.ExportVolumeRequest{Id: v.GetId(), Format: "raw"}, func(uint64) error { return nil }, &got)
		if err != nil || uint64(got.Len()) != v.GetSpec().GetSizeBytes() {
			t.Fatalf("%d bytes, want %d, %v", got.Len(), v.GetSpec().GetSizeBytes(), err)
		}
		data := got.Next(len(stamped()))
		if !bytes.Equal(data, stamped()) || len(bytes.TrimLeft(got.Bytes(), "\x00")) > 0 {
			t.Error("it holds something else")
		}
	}
}

func exportedThere(format string) func(*testing.T, *site, *Provider) work {
	return func(t *testing.T, _ *site, p *Provider) work {
		req, v := filled(t, p, format)
		x := export(req.GetOwner(), v.GetId(), "a1", there(1))
		return work{[]proto.Message{x}, served(x)}
	}
}

// served reads and writes a block by the connection that an Export gives.
func served(x *pb.ExportRequest) func(*testing.T, *Provider) {
	return func(t *testing.T, p *Provider) {
		t.Helper()
		v, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: x.GetVolumeId()})
		if err != nil || len(v.GetUses()) != 1 || v.GetUses()[0].GetAttachmentId() != x.GetAttachmentId() {
			t.Fatalf("%v, %v", v, err)
		}
		c, err := p.Export(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := qemuIO(t.Context(), c.GetConnection(), "read -P 0x6d 0 1", "read -P 0 16M 64k"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}

func free(req *pb.CreateVolumeRequest) func(*testing.T, *Provider) {
	return func(t *testing.T, p *Provider) {
		t.Helper()
		if v := one(t, p, req.GetOwner()); len(v.GetUses()) > 0 || v.GetLock() != nil {
			t.Errorf("%v", v)
		}
		holdsStamp(req)(t, p)
	}
}

func snapshots(t *testing.T, p *Provider, volume string, want int) {
	t.Helper()
	n := 0
	if err := p.ListSnapshots(context.Background(), &pb.ListSnapshotsRequest{VolumeId: volume}, func(*pb.Snapshot) error { n++; return nil }); err != nil || n != want {
		t.Errorf("%d snapshots, want %d, %v", n, want, err)
	}
}
