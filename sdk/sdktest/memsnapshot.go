package sdktest

import (
	"bytes"
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Snapshotter = (*MemProvider)(nil)

func wireSnapshot(s memSnapshot) *pb.Snapshot {
	return &pb.Snapshot{
		Id: s.ID, Owner: s.owner(), VolumeId: s.Volume, Name: s.Name, State: pb.VolumeState_VOLUME_STATE_AVAILABLE,
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
		if have, there := find(s.Snapshots, req.GetOwner(), ""); there {
			made = have
			return have.otherRequest(req.GetOwner())
		}
		v, there := find(s.Volumes, nil, req.GetVolumeId())
		if !there {
			return noSuchVolume()
		}
		s.Serial++
		made = memSnapshot{
			memKept: newKept(fmt.Sprintf("snap-%06d", s.Serial), req.GetName(), req.GetOwner()), Volume: v.ID,
			Size: v.Size, Data: bytes.Clone(v.Data),
		}
		s.Snapshots[made.ID] = made
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireSnapshot(made), m.after(ctx, "snapshot")
}

// ListSnapshots sends a volume's snapshots, or all, oldest first.
func (m *MemProvider) ListSnapshots(ctx context.Context, req *pb.ListSnapshotsRequest, send func(*pb.Snapshot) error) error {
	ofVolume := func(s memSnapshot) bool { return req.GetVolumeId() == "" || s.Volume == req.GetVolumeId() }
	return list(ctx, m, "list-snapshots", keptSnapshots, ofVolume, wireSnapshot, send)
}

// DeleteSnapshot forgets one; volumes made of it have their own bytes.
func (m *MemProvider) DeleteSnapshot(ctx context.Context, req *pb.DeleteSnapshotRequest) error {
	return forget(ctx, m, "delete-snapshot", keptSnapshots, req.GetOwner(), req.GetId())
}

func keptSnapshots(s *memState) map[string]memSnapshot { return s.Snapshots }

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
