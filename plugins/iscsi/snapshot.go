package iscsi

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Snapshotter = (*Provider)(nil)

func noSnapshot(subject string) error {
	return &sdk.Error{Kind: sdk.NotFound, Op: "find snapshot", Subject: subject, Source: sdk.SourceProvider, Text: "the vault has none"}
}

// snapshot finds the snapshot of a broker and key, or of an id, in all volumes.
func (s *store) snapshot(ctx context.Context, owner *pb.Owner, id string) (found, vault.Snapshot, error) {
	all, err := s.all(ctx)
	if err != nil {
		return found{}, vault.Snapshot{}, err
	}
	for _, f := range all {
		for _, one := range f.State.Snapshots {
			o := ownerOf(one.Owner)
			byKey := owner.GetKey() != "" && o.GetKey() == owner.GetKey() && o.GetBroker() == owner.GetBroker()
			if !one.Hidden && (byKey || owner.GetKey() == "" && one.ID == id) {
				return f, one, nil
			}
		}
	}
	return found{}, vault.Snapshot{}, noSnapshot(cmp.Or(id, "key "+owner.GetKey()))
}

func wireSnapshot(v *vault.Volume, one vault.Snapshot) *pb.Snapshot {
	return &pb.Snapshot{
		Id: one.ID, Owner: ownerOf(one.Owner), VolumeId: v.ID, Name: one.Name, State: pb.VolumeState_VOLUME_STATE_AVAILABLE,
		SizeBytes: one.SizeBytes, CreatedAt: timestamppb.New(one.CreatedAt),
	}
}

// CreateSnapshot freezes what the volume holds as a layer and lets it go on in a new
// one, in constant time, in use too. Only where the chain of files is full it has to be
// shortened first.
func (p *Provider) CreateSnapshot(ctx context.Context, req *pb.CreateSnapshotRequest) (*pb.Snapshot, error) {
	const op = "create snapshot"
	soon, cancel := context.WithTimeout(ctx, shortenPatience)
	err := p.shortened(soon, op, req.GetVolumeId())
	if cancel(); err != nil {
		return nil, err
	}
	f, unlock, err := p.held(ctx, op, nil, req.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	if f.Directory {
		return nil, &sdk.Error{Kind: sdk.Unsupported, Op: op, Subject: "volume " + f.ID, Source: sdk.SourceProvider, Text: "a shareable volume is a directory, which has no snapshots"}
	}
	of, have, err := p.store.snapshot(ctx, req.GetOwner(), "")
	switch {
	case sdk.KindOf(err) == sdk.NotFound:
	case err != nil:
		return nil, err
	case have.Owner.Request != req.GetOwner().GetRequest() || of.ID != f.ID:
		return nil, sdk.Errorf(sdk.Conflict, "the key %s was used for another request", req.GetOwner().GetKey())
	default:
		return wireSnapshot(of.Volume, have), nil
	}
	owner := vaultOwner(req.GetOwner())
	made := vault.Snapshot{ID: vault.IDFor(owner), Name: req.GetName(), Owner: &owner, CreatedAt: time.Now().UTC()}
	var v *vault.Volume
	err = f.at.vault.Hold(ctx, f.Ref(), func(ctx context.Context, h *vault.Held) error {
		if h.Volume().Snapshot(made.ID) == nil {
			if err := h.Record(op); err != nil {
				return err
			}
			c := change{Change: image.Change{Op: image.OpSnapshot, Layer: made.ID}, Snapshot: &made}
			if err := p.store.do(ctx, h, c); err != nil {
				return err
			}
		}
		v = h.Volume()
		return nil
	})
	if err != nil {
		return nil, err
	}
	one := v.Snapshot(made.ID)
	if one == nil || one.Hidden {
		return nil, sdk.Errorf(sdk.Conflict, "the key %s was used for a snapshot that was deleted", req.GetOwner().GetKey())
	}
	p.step("snapshot.made")
	p.tend(f.ID)
	return wireSnapshot(v, *one), nil
}

// ListSnapshots sends those that were asked for, not the layers that are there
// because something stands on them.
func (p *Provider) ListSnapshots(ctx context.Context, req *pb.ListSnapshotsRequest, send func(*pb.Snapshot) error) error {
	all, err := p.store.all(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.ID, b.ID) })
	for _, f := range all {
		if req.GetVolumeId() != "" && f.ID != req.GetVolumeId() {
			continue
		}
		for _, one := range f.State.Snapshots {
			if one.Hidden {
				continue
			}
			if err := send(wireSnapshot(f.Volume, one)); err != nil {
				return err
			}
		}
	}
	return nil
}

// DeleteSnapshot forgets one at once; its space is won back in the background.
func (p *Provider) DeleteSnapshot(ctx context.Context, req *pb.DeleteSnapshotRequest) error {
	f, one, err := p.store.snapshot(ctx, req.GetOwner(), req.GetId())
	if sdk.KindOf(err) == sdk.NotFound || err == nil && req.GetVolumeId() != "" && f.ID != req.GetVolumeId() {
		return nil
	}
	if err != nil {
		return err
	}
	f, unlock, err := p.held(ctx, "delete snapshot", nil, f.ID)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = f.at.vault.Update(ctx, f.Ref(), "", func(_ *vault.Meta, st *vault.State) error {
		for i := range st.Snapshots {
			if st.Snapshots[i].ID == one.ID {
				st.Snapshots[i].Hidden, st.Snapshots[i].Owner, st.Snapshots[i].Name = true, nil, ""
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.step("snapshot.forgotten")
	p.wg.Go(func() { p.store.compact(p.working, f) })
	return nil
}

// RevertVolume gives a volume that nobody uses what a snapshot of it holds. Its epoch
// is raised before: places that are as new are older then.
func (p *Provider) RevertVolume(ctx context.Context, req *pb.RevertVolumeRequest) (*pb.Volume, error) {
	const op = "revert volume"
	f, unlock, err := p.held(ctx, op, req.GetOwner(), req.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	err = f.at.vault.Hold(ctx, f.Ref(), func(ctx context.Context, h *vault.Held) error {
		if one := h.Volume().Snapshot(req.GetSnapshotId()); one == nil || one.Hidden {
			return noSnapshot(req.GetSnapshotId())
		}
		if err := h.Idle(op); err != nil {
			return err
		}
		if err := h.Raise(f.whole.Epoch); err != nil {
			return err
		}
		p.step("revert.raised")
		return p.store.do(ctx, h, change{Change: image.Change{Op: image.OpRevert, Layer: req.GetSnapshotId()}})
	})
	if err != nil {
		return nil, err
	}
	p.step("revert.made")
	p.wg.Go(func() { p.store.compact(p.working, f) })
	return p.shown(ctx, f)
}
