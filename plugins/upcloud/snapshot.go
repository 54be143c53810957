package upcloud

import (
	"cmp"
	"context"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Snapshotter = (*Provider)(nil)

// A snapshot is a backup of UpCloud's: a storage of its own that outlives what it
// was made of. The request that makes it carries no labels, so until it has them
// its title tells whose it is.

func snapshotTitle(own ownKey) string { return "meson-snapshot-" + own.hash() }

// copies lists the account's own storages of a type, such as backups.
func (p *Provider) copies(ctx context.Context, kind string) ([]*volume, error) {
	if _, err := p.cloud(); err != nil {
		return nil, err
	}
	all, err := p.api.GetStorages(ctx, &request.GetStoragesRequest{Access: upcloud.StorageAccessPrivate, Type: kind})
	if err != nil {
		return nil, failed("list storages", kind, err, false)
	}
	var out []*volume
	for _, d := range all.Storages {
		if d.Access == upcloud.StorageAccessPrivate && d.Type == kind && uuidText.MatchString(d.UUID) {
			out = append(out, p.storage(upcloud.StorageDetails{Storage: d}, false))
		}
	}
	return out, nil
}

// copyOf finds one of a type by its owner's key, by the title that it has before
// it is labelled, or by UUID; nil: there is none.
func (p *Provider) copyOf(ctx context.Context, kind, title string, r ref) (*volume, error) {
	all, err := p.copies(ctx, kind)
	if err != nil {
		return nil, err
	}
	var found *volume
	for _, v := range all {
		switch {
		case r.key == "" && v.UUID == r.uuid && (r.broker == "" || v.own().broker == r.broker),
			r.key != "" && v.own() == r.ownKey:
			return v, nil
		case r.key != "" && v.owner() == nil && v.Title == title:
			found = v
		}
	}
	return found, nil
}

// CreateSnapshot has UpCloud make a backup.
func (p *Provider) CreateSnapshot(ctx context.Context, req *pb.CreateSnapshotRequest) (*pb.Snapshot, error) {
	own := ownKey{req.GetOwner().GetBroker(), req.GetOwner().GetKey()}
	unlock, err := p.busy.Lock(ctx, own.broker+"/"+own.key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	b, err := p.copyOf(ctx, upcloud.StorageTypeBackup, snapshotTitle(own), ref{ownKey: own})
	if err != nil {
		return nil, err
	}
	if b != nil && b.owner() != nil {
		if err := sdk.SameRequest(b.owner().GetRequest(), req.GetOwner()); err != nil {
			return nil, err
		}
		return b.snapshot(), nil
	}
	if b == nil {
		v, err := p.findVolume(ctx, ref{uuid: req.GetVolumeId()})
		if err != nil {
			return nil, err
		}
		if b, err = p.newVolume(ctx, "create snapshot", &request.CreateBackupRequest{UUID: v.UUID, Title: snapshotTitle(own)}, own); err != nil {
			return nil, err
		}
		p.step("snapshot.made")
	}
	labels := sdk.OwnerLabels(req.GetOwner())
	labels[labelName] = req.GetName()
	if err := p.relabelVolume(ctx, b, labels); err != nil {
		return nil, err
	}
	p.step("snapshot.labelled")
	return b.snapshot(), nil
}

// snapshot is a backup in the words of the contract.
func (v *volume) snapshot() *pb.Snapshot {
	out := &pb.Snapshot{
		Id: v.UUID, Owner: v.owner(), VolumeId: v.Origin, Name: cmp.Or(v.labels[labelName], v.Title), SizeBytes: uint64(max(v.Size, 0)) * gib,
	}
	out.State, out.Message = v.status()
	if !v.Created.IsZero() {
		out.CreatedAt = timestamppb.New(v.Created)
	}
	return out
}

// ListSnapshots sends the backups of a volume, or all, those too that somebody
// else has made.
func (p *Provider) ListSnapshots(ctx context.Context, req *pb.ListSnapshotsRequest, send func(*pb.Snapshot) error) error {
	all, err := p.copies(ctx, upcloud.StorageTypeBackup)
	if err != nil {
		return err
	}
	for _, b := range all {
		if of := req.GetVolumeId(); of != "" && b.Origin != of {
			continue
		}
		if err := send(b.snapshot()); err != nil {
			return err
		}
	}
	return nil
}

// DeleteSnapshot removes a backup; nothing of UpCloud's stands on one.
func (p *Provider) DeleteSnapshot(ctx context.Context, req *pb.DeleteSnapshotRequest) error {
	r := refOf(req.GetOwner(), req.GetId())
	b, err := p.copyOf(ctx, upcloud.StorageTypeBackup, snapshotTitle(r.ownKey), r)
	if err != nil || b == nil {
		return err
	}
	err = p.removeStorage(ctx, b.UUID)
	if err == nil {
		p.step("snapshot.removed")
	}
	return err
}
