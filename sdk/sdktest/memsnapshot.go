package sdktest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Snapshotter = (*MemProvider)(nil)

func (s *memState) snapshot(owner *pb.Owner, id string) (memSnapshot, bool) {
	for _, key := range slices.Sorted(maps.Keys(s.Snapshots)) {
		if one := s.Snapshots[key]; isOf(one.Labels, one.ID, owner, id) {
			return one, true
		}
	}
	return memSnapshot{}, false
}

func wireSnapshot(s memSnapshot) *pb.Snapshot {
	return &pb.Snapshot{
		Id: s.ID, Owner: ownerOf(s.Labels), VolumeId: s.Volume, Name: s.Name, State: pb.VolumeState_VOLUME_STATE_AVAILABLE,
		SizeBytes: s.Size, UsedBytes: uint64(len(s.Data)), CreatedAt: timestamppb.New(s.Created),
	}
}

// CreateSnapshot keeps what a volume holds, or finds it by key.
func (m *MemProvider) CreateSnapshot(ctx context.Context, req *pb.CreateSnapshotRequest) (*pb.Snapshot, error) {
	if err := m.before(ctx, "snapshot"); err != nil {
		return nil, err
	}
	var made memSnapshot
	err := m.store.do(ctx, true, func(s *memState) error {
		if have, there := s.snapshot(req.GetOwner(), ""); there {
			made = have
			return otherRequest(have.Labels, req.GetOwner())
		}
		v, there := s.volume(nil, req.GetVolumeId())
		if !there {
			return noSuchVolume()
		}
		s.Serial++
		made = memSnapshot{
			ID: fmt.Sprintf("snap-%06d", s.Serial), Name: req.GetName(), Labels: sdk.OwnerLabels(req.GetOwner()), Volume: v.ID,
			Size: v.Size, Created: time.Now(), Data: bytes.Clone(v.Data),
		}
		s.Snapshots[made.ID] = made
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireSnapshot(made), m.after(ctx, "snapshot")
}

// otherRequest is a Conflict where what is there was made for another request.
func otherRequest(labels map[string]string, owner *pb.Owner) error {
	if have := ownerOf(labels).GetRequest(); have != owner.GetRequest() {
		return sdk.Errorf(sdk.Conflict, "key %s was used for the request %s, not %s", owner.GetKey(), have, owner.GetRequest())
	}
	return nil
}

// ListSnapshots sends a volume's snapshots, or all, oldest first.
func (m *MemProvider) ListSnapshots(ctx context.Context, req *pb.ListSnapshotsRequest, send func(*pb.Snapshot) error) error {
	if err := m.before(ctx, "list-snapshots"); err != nil {
		return err
	}
	var all []*pb.Snapshot
	err := m.store.do(ctx, false, func(s *memState) error {
		for _, id := range slices.Sorted(maps.Keys(s.Snapshots)) {
			if one := s.Snapshots[id]; req.GetVolumeId() == "" || one.Volume == req.GetVolumeId() {
				all = append(all, wireSnapshot(one))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, one := range all {
		if err := send(one); err != nil {
			return err
		}
	}
	return m.after(ctx, "list-snapshots")
}

// DeleteSnapshot forgets one; volumes made of it have their own bytes.
func (m *MemProvider) DeleteSnapshot(ctx context.Context, req *pb.DeleteSnapshotRequest) error {
	if err := m.before(ctx, "delete-snapshot"); err != nil {
		return err
	}
	err := m.store.do(ctx, true, func(s *memState) error {
		if have, there := s.snapshot(req.GetOwner(), req.GetId()); there {
			delete(s.Snapshots, have.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.after(ctx, "delete-snapshot")
}

// RevertVolume gives a volume that nobody uses the bytes of a snapshot of it.
func (m *MemProvider) RevertVolume(ctx context.Context, req *pb.RevertVolumeRequest) (*pb.Volume, error) {
	return m.changeVolume(ctx, "revert", req.GetOwner(), req.GetVolumeId(), func(s *memState, v *memVolume) error {
		one, there := s.Snapshots[req.GetSnapshotId()]
		switch {
		case !there || one.Volume != v.ID:
			return sdk.Errorf(sdk.NotFound, "the volume has no such snapshot")
		case len(v.Exports) > 0:
			return heldBy("revert volume", *v, v.Exports[0])
		}
		v.Data = bytes.Clone(one.Data)
		return nil
	})
}
