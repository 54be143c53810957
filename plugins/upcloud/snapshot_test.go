package upcloud

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func snapshotOrder(v *pb.Volume, owner *pb.Owner) *pb.CreateSnapshotRequest {
	name := "s" + unique()
	return &pb.CreateSnapshotRequest{
		VolumeId: v.GetId(), Name: name,
		Owner: &pb.Owner{Broker: owner.GetBroker(), Allocation: owner.GetAllocation(), Key: "k-" + name, Request: "r-" + name},
	}
}

func listSnapshots(t testing.TB, p *Provider, volume string) []*pb.Snapshot {
	t.Helper()
	var all []*pb.Snapshot
	err := p.ListSnapshots(t.Context(), &pb.ListSnapshotsRequest{VolumeId: volume}, func(s *pb.Snapshot) error {
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// untilSnapshot repeats a CreateSnapshot as a broker does.
func untilSnapshot(t testing.TB, p *Provider, req *pb.CreateSnapshotRequest) *pb.Snapshot {
	t.Helper()
	var s *pb.Snapshot
	insist(t, "snapshot", func() (bool, error) {
		var err error
		s, err = p.CreateSnapshot(t.Context(), req)
		return s.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE, err
	})
	return s
}

// untilReverted repeats a RevertVolume as a broker does.
func untilReverted(t testing.TB, p *Provider, req *pb.RevertVolumeRequest) {
	t.Helper()
	insist(t, "revert", func() (bool, error) {
		v, err := p.RevertVolume(t.Context(), req)
		return v.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE, err
	})
}

// A snapshot is made once, listed with its volume, restored into it, and goes; it
// outlives its volume.
func TestSnapshotLife(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	order := volumeOrder1(t, p, 10<<30)
	v := untilAvailable(t, p, order)
	req := snapshotOrder(v, order.GetOwner())
	s := untilSnapshot(t, p, req)
	if again := untilSnapshot(t, p, req); again.GetId() != s.GetId() || s.GetName() != req.GetName() || s.GetVolumeId() != v.GetId() {
		t.Errorf("made %v, again %v", s, again)
	}
	if n := cl.Stats().Requests["create_backup"]; n != 1 {
		t.Errorf("%d backups were asked for, want 1", n)
	}
	other := proto.CloneOf(req)
	other.Owner.Request = "another"
	if _, err := p.CreateSnapshot(t.Context(), other); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("another request: %v, want Conflict", err)
	}
	if all := listSnapshots(t, p, v.GetId()); len(all) != 1 || all[0].GetId() != s.GetId() || all[0].GetOwner().GetKey() != req.GetOwner().GetKey() {
		t.Errorf("listed %v", all)
	}

	revert := &pb.RevertVolumeRequest{Owner: order.GetOwner(), VolumeId: v.GetId(), SnapshotId: s.GetId()}
	now, err := p.RevertVolume(t.Context(), revert)
	if err != nil || now.GetState() != pb.VolumeState_VOLUME_STATE_CREATING {
		t.Errorf("while it is restored: %v, %v", now, err)
	}
	if _, err := p.Export(t.Context(), &pb.ExportRequest{VolumeId: v.GetId(), Owner: order.GetOwner(), AttachmentId: "data"}); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("exported meanwhile: %v, want Busy", err)
	}
	untilReverted(t, p, revert)
	if n := cl.Stats().Requests["restore_backup"]; n != 1 {
		t.Errorf("%d times restored, want 1", n)
	}
	if _, err := p.RevertVolume(t.Context(), &pb.RevertVolumeRequest{VolumeId: v.GetId(), SnapshotId: v.GetId()}); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("to what is no backup: %v, want NotFound", err)
	}
	removeVolume(t, p, order)
	if all := listSnapshots(t, p, ""); len(all) != 1 {
		t.Errorf("%d snapshots after the volume went", len(all))
	}
	for range 2 {
		if err := p.DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{Id: s.GetId()}); err != nil {
			t.Fatal(err)
		}
	}
	cl.empty(t)
}

// What a machine has is neither reverted nor made larger under it.
func TestVolumeOfRunningMachine(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	machine := order1(t, p, nil)
	in := until1(t, p, machine)
	order := volumeOrder1(t, p, 10<<30)
	order.Offer.Zone, order.Offer.Token = in.GetZone(), []byte(`{"zone":"`+in.GetZone()+`","tier":"maxiops","gib":10}`)
	v := untilAvailable(t, p, order)
	if _, err := p.Attach(t.Context(), attachment(in, "data", v.GetId())); err != nil {
		t.Fatal(err)
	}
	req := snapshotOrder(v, order.GetOwner())
	s := untilSnapshot(t, p, req)
	if _, err := p.RevertVolume(t.Context(), &pb.RevertVolumeRequest{VolumeId: v.GetId(), SnapshotId: s.GetId()}); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), in.GetId()) {
		t.Errorf("reverted: %v, want Busy with the server", err)
	}
	if _, err := p.ResizeVolume(t.Context(), &pb.ResizeVolumeRequest{Id: v.GetId(), SizeBytes: 20 << 30}); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("made larger: %v, want Busy", err)
	}
	remove1(t, p, machine)
	if err := p.DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{Owner: req.GetOwner()}); err != nil {
		t.Fatal(err)
	}
	removeVolume(t, p, order)
	cl.empty(t)
}

func TestResize(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, atOnce())
	p := cl.provider(t, Hooks{})
	order := volumeOrder1(t, p, 10<<30)
	v := untilAvailable(t, p, order)
	for _, c := range []struct {
		bytes uint64
		gib   uint64
		kind  sdk.Kind
		text  string
	}{
		{10 << 30, 10, "", ""},
		{10<<30 + 1, 11, "", ""},
		{12 << 30, 12, "", ""},
		{11 << 30, 0, sdk.Invalid, "cannot be made smaller"},
		{5000 << 30, 0, sdk.Invalid, "largest storage has 4096 GiB"},
	} {
		now, err := p.ResizeVolume(t.Context(), &pb.ResizeVolumeRequest{Id: v.GetId(), SizeBytes: c.bytes})
		if sdk.KindOf(err) != c.kind || now.GetSpec().GetSizeBytes() != c.gib<<30 || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%d bytes: %v, %v", c.bytes, now, err)
		}
	}
	if got, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()}); err != nil || got.GetSpec().GetSizeBytes() != 12<<30 {
		t.Errorf("read back: %v, %v", got, err)
	}
	removeVolume(t, p, order)
	cl.empty(t)
}

// killInSnapshot kills at a step of a resize, a snapshot or a revert; what another
// process repeats ends in one snapshot, restored, and nothing left.
func killInSnapshot(t *testing.T, step string) {
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	order := volumeOrder1(t, p, 10<<30)
	v := untilAvailable(t, p, order)
	req := snapshotOrder(v, order.GetOwner())
	resize := &pb.ResizeVolumeRequest{Owner: order.GetOwner(), Id: v.GetId(), SizeBytes: 11 << 30}
	gone := &pb.DeleteSnapshotRequest{Owner: req.GetOwner()}
	revert := &pb.RevertVolumeRequest{VolumeId: v.GetId()}
	work := task{DieAt: step}
	switch what, _, _ := strings.Cut(step, "."); what {
	case "resize":
		work.Resize = wired(t, resize)
	case "revert":
		revert.SnapshotId = untilSnapshot(t, p, req).GetId()
		work.Revert = wired(t, revert)
	default:
		work.Snapshot, work.DeleteSnapshot = wired(t, req), wired(t, gone)
	}
	dies(t, cl, work)

	insist(t, "resize", func() (bool, error) {
		_, err := p.ResizeVolume(t.Context(), resize)
		return true, err
	})
	if step != "snapshot.removed" {
		revert.SnapshotId = untilSnapshot(t, p, req).GetId()
		untilReverted(t, p, revert)
		if all := listSnapshots(t, p, ""); len(all) != 1 {
			t.Errorf("%d snapshots, want 1", len(all))
		}
	}
	for range 2 {
		insist(t, "delete snapshot", func() (bool, error) { return true, p.DeleteSnapshot(t.Context(), gone) })
	}
	removeVolume(t, p, order)
	cl.empty(t)
}
