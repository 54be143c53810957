package host

import (
	"context"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const snapshotterService = "meson.plugin.v1.Snapshotter"

// CreateSnapshot keeps what a volume holds now, or finds that by its key.
func (p *Provider) CreateSnapshot(ctx context.Context, req core.SnapshotRequest) (core.Snapshot, error) {
	var made core.Snapshot
	err := p.change(ctx, "create snapshot", snapshotterService, func(ctx context.Context, s *session) error {
		answer, err := pb.NewSnapshotterClient(s.conn).CreateSnapshot(ctx, &pb.CreateSnapshotRequest{
			Provider: p.config.Name, Owner: ownerToPB(req.Owner), VolumeId: req.VolumeID, Name: req.Name,
		})
		if err != nil {
			return err
		}
		made, err = p.snapshot(answer, asked{owner: req.Owner}, req.VolumeID)
		return err
	})
	if err != nil {
		return core.Snapshot{}, err
	}
	return made, nil
}

// ListSnapshots are those of a volume, or with an empty id those of all. With
// an error they are those that were received and are right.
func (p *Provider) ListSnapshots(ctx context.Context, volumeID string) ([]core.Snapshot, error) {
	var list []core.Snapshot
	err := p.read(ctx, "list snapshots", snapshotterService, 2*p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewSnapshotterClient(s.conn).ListSnapshots(ctx, &pb.ListSnapshotsRequest{Provider: p.config.Name, VolumeId: volumeID})
		if err != nil {
			return err
		}
		list, err = listed(stream, "snapshot", func(w *pb.Snapshot) (core.Snapshot, string, error) {
			shot, err := p.snapshot(w, asked{}, volumeID)
			return shot, w.GetVolumeId() + " " + w.GetId(), err
		}, func(shot core.Snapshot) bool { return shot.State != core.VolumeGone })
		return err
	})
	return list, err
}

// DeleteSnapshot removes a snapshot; one that is not there is no error. Busy
// while volumes stand on it that the provider cannot part from it.
func (p *Provider) DeleteSnapshot(ctx context.Context, ref core.SnapshotRef) error {
	return p.change(ctx, "delete snapshot", snapshotterService, func(ctx context.Context, s *session) error {
		_, err := pb.NewSnapshotterClient(s.conn).DeleteSnapshot(ctx, &pb.DeleteSnapshotRequest{
			Provider: p.config.Name, Owner: refOwner(ref.Owner, ref.ID), VolumeId: ref.VolumeID, Id: ref.ID,
		})
		return err
	})
}

// RevertVolume makes a volume hold what a snapshot of it does. Busy while it is
// in use. ref must have the volume's id.
func (p *Provider) RevertVolume(ctx context.Context, ref core.VolumeRef, snapshot string) (core.Volume, error) {
	return p.changeVolume(ctx, "revert volume", snapshotterService, ref, func(ctx context.Context, s *session) (*pb.Volume, error) {
		return pb.NewSnapshotterClient(s.conn).RevertVolume(ctx, &pb.RevertVolumeRequest{
			Provider: p.config.Name, Owner: refOwner(ref.Owner, ref.ID), VolumeId: ref.ID, SnapshotId: snapshot,
		})
	}, func(core.Volume) error { return nil })
}

// snapshot checks a snapshot that a plugin answered with.
func (p *Provider) snapshot(w *pb.Snapshot, want asked, volumeID string) (core.Snapshot, error) {
	var f faults
	checkObjectID(w.GetId(), want.id, &f)
	owner := ownerOf(w.GetOwner(), want.owner, &f)
	if !isID(w.GetVolumeId()) || len(w.GetVolumeId()) > maxIDBytes || volumeID != "" && w.GetVolumeId() != volumeID {
		f.add("volume_id", "%q: it is of another volume, or of none", cut(w.GetVolumeId(), 64))
	}
	state, ok := volumeStateOf(w.GetState())
	if !ok {
		f.add("state", "unknown state %d", w.GetState())
	}
	if w.GetSizeBytes() > maxVolumeBytes || w.GetUsedBytes() > maxVolumeBytes {
		f.add("size_bytes", "%d, %d used: no snapshot has that", w.GetSizeBytes(), w.GetUsedBytes())
	}
	if err := f.err("a snapshot"); err != nil {
		return core.Snapshot{}, err
	}
	return core.Snapshot{
		ID: w.GetId(), Provider: p.config.Name, Owner: owner, Volume: w.GetVolumeId(), Name: cut(w.GetName(), 64), State: state,
		Progress: progressOf(w.GetProgress()), SizeBytes: int64(w.GetSizeBytes()), UsedBytes: int64(w.GetUsedBytes()),
		Message: cut(w.GetMessage(), maxText), CreatedAt: timeOf(w.GetCreatedAt()),
	}, nil
}
