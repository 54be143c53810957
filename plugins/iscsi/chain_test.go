package iscsi

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// attachedByNBD is a qcow2 volume that a machine of this host writes; the nth write, from 0,
// fills the nth MiB with n+1.
func attachedByNBD(t *testing.T, p *Provider) (v *pb.Volume, write func(n int)) {
	t.Helper()
	req, v := volume(t, p, "qcow2", 1<<27)
	from := here()
	from.Kinds = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD}
	x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", from))
	if err != nil {
		t.Fatal(err)
	}
	return v, func(n int) {
		t.Helper()
		if out, err := qemuIO(t.Context(), x.GetConnection(), fmt.Sprintf("write -P %d %dM 64k", n+1, n), "flush"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// holdsWrites reads a file of a volume, and those that it stands on: it holds the first
// n writes and nothing else.
func holdsWrites(t *testing.T, path string, n int) {
	t.Helper()
	args := []string{"-r", "-U", "-f", "qcow2"}
	for i := range 24 {
		value := 0
		if i < n {
			value = i + 1
		}
		args = append(args, "-c", fmt.Sprintf("read -P %d %dM 64k", value, i))
	}
	if out, err := exec.CommandContext(t.Context(), "qemu-io", append(args, path)...).CombinedOutput(); err != nil {
		t.Errorf("%s, which is to hold %d writes: %v\n%s", filepath.Base(path), n, err, out)
	}
}

// frozenBy freezes a volume n times, as nobody does who tends to its chain.
func frozenBy(t *testing.T, p *Provider, v *pb.Volume, n int) found {
	t.Helper()
	f, err := p.store.find(t.Context(), v.GetId())
	if err != nil {
		t.Fatal(err)
	}
	err = f.at.vault.Hold(t.Context(), f.Ref(), func(ctx context.Context, h *vault.Held) error {
		for i := range n {
			id := fmt.Sprintf("kept-%d", i)
			c := change{Change: image.Change{Op: image.OpSnapshot, Layer: id}, Snapshot: &vault.Snapshot{ID: id, Name: id, CreatedAt: time.Now()}}
			if err := p.store.do(ctx, h, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func depthOf(t *testing.T, p *Provider, id string) int {
	t.Helper()
	f, err := p.store.find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return layoutOf(f.Volume).Depth()
}

// However many snapshots are kept of a volume that a machine writes, each is made, and
// holds what the volume did; its chain of files is short again soon.
func TestManySnapshotsAreKept(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	v, write := attachedByNBD(t, p)
	var ids []string
	for n := range 20 {
		write(n)
		shot, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: fmt.Sprint("s", n)})
		if err != nil {
			t.Fatalf("snapshot %d: %v", n, err)
		}
		ids = append(ids, shot.GetId())
	}
	write(20)
	p.wg.Wait()
	p.jobs.wait()
	p.tend(v.GetId()) // the last may have had the one before in its way
	p.jobs.wait()
	if depth := depthOf(t, p, v.GetId()); depth >= image.MaxDepth {
		t.Errorf("the volume stands on %d files, want less than %d", depth, image.MaxDepth)
	}
	snapshots(t, p, v.GetId(), 20)
	for _, n := range []int{0, 3, 8, 13, 19} {
		holdsWrites(t, filepath.Join(v.GetPlace(), "snap-"+ids[n]+".img"), n+1)
	}
	holdsWrites(t, filepath.Join(v.GetPlace(), image.DataFile), 21)
	s.empty(p)
}

// cloneOf makes a volume of another one.
func cloneOf(t *testing.T, p *Provider, v *pb.Volume) *pb.Volume {
	t.Helper()
	req := order(t, p, "qcow2", 1<<27)
	req.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()}
	return until(t, p, req)
}

// All clones of a volume that nobody writes stand on one layer, and stay on it: what
// several volumes stand on is not copied into each.
func TestClonesOfOneStandOnOneLayer(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, golden := filled(t, p, "qcow2")
	last := golden
	for range 20 {
		last = cloneOf(t, p, golden)
	}
	base := ""
	for _, v := range []*pb.Volume{golden, last} {
		f, err := p.store.find(t.Context(), v.GetId())
		if err != nil {
			t.Fatal(err)
		}
		p.store.compact(t.Context(), f)
		if f, err = p.store.find(t.Context(), v.GetId()); err != nil || len(f.State.Snapshots) != 1 || f.State.Parent != f.State.Snapshots[0].ID {
			t.Fatalf("%+v, %v: want one layer", f.State, err)
		}
		if base == "" {
			base = f.State.Parent
		}
		at, err := os.Stat(filepath.Join(f.Folder, "snap-"+base+".img"))
		first, ferr := os.Stat(filepath.Join(golden.GetPlace(), "snap-"+base+".img"))
		if err != nil || ferr != nil || !os.SameFile(at, first) {
			t.Errorf("%v, %v: want one file", err, ferr)
		}
	}
	holdsStamp(req)(t, p)
	s.empty(p)
}

// Each clone of a volume that is written all the while holds what the volume did when
// it was made, and stands on few files.
func TestClonesOfWhatIsWritten(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	v, write := attachedByNBD(t, p)
	var clones []*pb.Volume
	for n := range 20 {
		write(n)
		clones = append(clones, cloneOf(t, p, v))
	}
	p.wg.Wait()
	p.jobs.wait()
	p.tend(v.GetId()) // the last may have had the one before in its way
	p.jobs.wait()
	if depth := depthOf(t, p, v.GetId()); depth >= image.MaxDepth {
		t.Errorf("the volume stands on %d files, want less than %d", depth, image.MaxDepth)
	}
	for _, n := range []int{0, 8, 15, 19} {
		holdsWrites(t, filepath.Join(clones[n].GetPlace(), image.DataFile), n+1)
	}
	holdsWrites(t, filepath.Join(v.GetPlace(), image.DataFile), 20)
	s.empty(p)
}

// Who is told that a full chain is still being shortened, and asks again, here or in
// another process, does not end the merge that is under way.
func TestRetriesDoNotEndMerges(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	p, other := s.provider(Hooks{}), s.provider(Hooks{})
	_, v := filled(t, p, "qcow2")
	f := frozenBy(t, p, v, 15)
	slowMerges(t, p)
	req := &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"}
	merge := ""
	for i, q := range []*Provider{p, p, other} {
		soon, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		if _, err := q.CreateSnapshot(soon, req); err == nil || sdk.KindOf(err) == sdk.Internal {
			t.Fatalf("%v, want that it takes longer", err)
		}
		cancel()
		underWay(t, p, v)
		now, err := p.store.find(t.Context(), v.GetId())
		if err != nil || now.State.Pending == nil || i > 0 && now.State.Pending.ID != merge {
			t.Fatalf("the merge was ended: %v", err)
		}
		merge = now.State.Pending.ID
	}
	err := promptly(t, "rename", func() error {
		_, err := other.RenameVolume(t.Context(), &pb.RenameVolumeRequest{Id: v.GetId(), Name: "renamed"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.jobs.wait()
	if _, err := other.CreateSnapshot(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	snapshots(t, other, f.ID, 16)
	s.empty(other)
}

// A resident part shortens long chains by itself, of snapshots that are all kept too.
func TestLongChainsAreTended(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	_, v := filled(t, p, "qcow2")
	frozenBy(t, p, v, 9)
	ctx, cancel := context.WithCancel(t.Context())
	k := &keeper{store: p.store, next: map[string]*delay{}, at: map[string]time.Time{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.tidy(ctx)
	}()
	for end := time.Now().Add(20 * time.Second); depthOf(t, p, v.GetId()) >= image.MaxDepth; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("its chain is as long as it was")
		}
	}
	cancel()
	<-done
	snapshots(t, p, v.GetId(), 9)
	s.empty(p)
}
