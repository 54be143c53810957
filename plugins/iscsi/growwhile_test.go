package iscsi

import (
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// readsByFile is a machine of the vault's host that reads a volume's file.
func readsByFile(t *testing.T, p *Provider, v *pb.Volume, id string) *pb.Connection {
	t.Helper()
	x := export(owner(), v.GetId(), id, here())
	x.ReadOnly = true
	answer, err := p.Export(t.Context(), x)
	if err != nil || answer.GetConnection().GetFile() == nil {
		t.Fatalf("%v, %v", answer, err)
	}
	return answer.GetConnection()
}

// A machine that is to read a file opens it in the format that it was told, whenever
// that is: until it is detached, the file keeps it.
func TestFormatStaysWhileAMachineReads(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	_, v := filled(t, p, "raw")
	reads := func(c *pb.Connection) {
		t.Helper()
		if out, err := qemuIO(t.Context(), c, "read -P 0x6d 0 1"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	detach := func(id string) {
		t.Helper()
		if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: id}); err != nil {
			t.Fatal(err)
		}
	}
	before := &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"}

	c := readsByFile(t, p, v, "a1")
	if _, err := p.CreateSnapshot(t.Context(), before); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("a snapshot, which makes it qcow2: %v, want Busy", err)
	}
	reads(c)
	detach("a1")
	shot, err := p.CreateSnapshot(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}

	c = readsByFile(t, p, v, "a2")
	if err := p.DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{Id: shot.GetId(), VolumeId: v.GetId()}); err != nil {
		t.Fatal(err)
	}
	p.wg.Wait() // the merge, which would make it raw
	reads(c)
	if _, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s2"}); err != nil {
		t.Errorf("a snapshot of one that is qcow2: %v", err)
	}
	reads(c)
	detach("a2")
}

// What a machine has written behind the old end of a file that it has grown stays,
// whatever is made of the volume before the vault has seen that it grew.
func TestNothingHidesWhatHasGrown(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-io", "qemu-storage-daemon")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, x, machine := byFile(t, p, "qcow2")
	if _, err := resize(t, p, x.GetVolumeId(), 1<<28, true); err != nil {
		t.Fatal(err)
	}
	machine.do("truncate 201326592", "write -P 5 191M 1M", "flush")
	machine.end()
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: x.GetVolumeId(), AttachmentId: "a1"}); err != nil {
		t.Fatal(err)
	}
	clone := order(t, p, "qcow2", 1<<28)
	clone.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: x.GetVolumeId()}
	if _, err := p.CreateVolume(t.Context(), clone); err != nil {
		t.Fatal(err)
	}
	// It is served before it grows, as where that was put off.
	from := here()
	from.Kinds = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD}
	x = export(req.GetOwner(), x.GetVolumeId(), "a2", from)
	f, err := p.store.find(t.Context(), x.GetVolumeId())
	if err != nil || f.State.ResizeBytes != 1<<28 {
		t.Fatalf("it grows to %d, %v", f.State.ResizeBytes, err)
	}
	use, err := p.store.useOf(f, x)
	if err != nil {
		t.Fatal(err)
	}
	if f.Volume, use, err = p.store.begin(t.Context(), f, use); err != nil {
		t.Fatal(err)
	}
	if err := p.store.serveUse(t.Context(), f, use); err != nil {
		t.Fatal(err)
	}
	c, err := p.Export(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	sized(t, p, req.GetOwner(), 1<<28, 0, "")
	if out, err := qemuIO(t.Context(), c.GetConnection(), "read -P 0x6d 0 1", "read -P 5 191M 1M", "read -P 0 192M 64M"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
