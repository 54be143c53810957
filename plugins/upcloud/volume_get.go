package upcloud

import (
	"context"
	"strings"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// GetVolume finds a volume by key or by id.
func (p *Provider) GetVolume(ctx context.Context, req *pb.GetVolumeRequest) (*pb.Volume, error) {
	v, err := p.findVolume(ctx, refOf(req.GetOwner(), req.GetId()))
	if err != nil {
		return nil, err
	}
	return v.wire(), nil
}

// listAtOnce is how many volumes are asked for at a time: only a volume by itself
// tells which server has it.
const listAtOnce = 4

// ListVolumes sends the broker's volumes, or every disk of the account, servers'
// own ones too.
func (p *Provider) ListVolumes(ctx context.Context, req *pb.ListVolumesRequest, send func(*pb.Volume) error) error {
	if _, err := p.cloud(); err != nil {
		return err
	}
	var filter []upcloud.Label
	if req.GetBroker() != "" {
		filter = append(filter, upcloud.Label{Key: sdk.LabelBroker, Value: req.GetBroker()})
	}
	all, err := p.volumes(ctx, filter...)
	if err != nil {
		return err
	}
	read, reading := errgroup.WithContext(ctx)
	read.SetLimit(listAtOnce)
	for i, v := range all {
		if req.GetBroker() != "" && v.own().broker != req.GetBroker() {
			all[i] = nil
			continue
		}
		read.Go(func() error {
			whole, err := p.readVolume(reading, v.UUID)
			if sdk.KindOf(err) == sdk.NotFound {
				err = nil // gone meanwhile
			}
			all[i] = whole
			return err
		})
	}
	if err := read.Wait(); err != nil {
		return err
	}
	for _, v := range all {
		if v == nil {
			continue
		}
		if err := send(v.wire()); err != nil {
			return err
		}
	}
	return nil
}

// DeleteVolume removes a volume that no server has; backups that somebody has made
// of it stay. Who has it is said.
func (p *Provider) DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) error {
	r := refOf(req.GetOwner(), req.GetId())
	v, err := p.findVolume(ctx, r)
	switch {
	case sdk.KindOf(err) == sdk.NotFound && r.key != "":
		return p.deleteCopy(ctx, r.ownKey)
	case sdk.KindOf(err) == sdk.NotFound:
		return nil
	case err != nil:
		return err
	}
	unlock, err := p.busy.Lock(ctx, v.UUID)
	if err != nil {
		return err
	}
	defer unlock()
	if len(v.ServerUUIDs) > 0 {
		return &sdk.Error{
			Kind: sdk.Busy, Op: "delete volume", Subject: v.UUID, Source: sdk.SourceProvider,
			Text: "server " + strings.Join(v.ServerUUIDs, ", ") + " has it",
		}
	}
	if has := v.labels[labelExport]; has != "" {
		return &sdk.Error{
			Kind: sdk.Busy, Op: "delete volume", Subject: v.UUID, Source: sdk.SourceProvider,
			Text: "attachment " + has + " has it", Hint: "detach it first",
		}
	}
	err = p.removeStorage(ctx, v.UUID)
	if err == nil {
		p.changed()
		p.step("volume.removed")
	}
	return err
}

// deleteCopy removes a copy that was made and never labelled.
func (p *Provider) deleteCopy(ctx context.Context, own ownKey) error {
	all, err := p.volumes(ctx)
	if err != nil {
		return err
	}
	for _, v := range all {
		if v.Title == copyTitle(own) && v.owner() == nil {
			if err := p.removeStorage(ctx, v.UUID); err != nil {
				return err
			}
		}
	}
	return nil
}

// WatchVolume looks at a volume now and then.
func (p *Provider) WatchVolume(ctx context.Context, req *pb.GetVolumeRequest, send func(*pb.Volume) error) error {
	v, err := p.findVolume(ctx, refOf(req.GetOwner(), req.GetId()))
	if err != nil {
		return err
	}
	retry := p.timing.between()
	var last *pb.Volume
	for {
		now := v.wire()
		if !proto.Equal(now, last) {
			if err := send(now); err != nil {
				return err
			}
			last = now
		}
		if !pause(ctx, p.looked(now)) {
			return nil
		}
		fresh, err := p.readVolume(ctx, v.UUID)
		switch {
		case err == nil:
			v = fresh
			retry.Reset()
		case ctx.Err() != nil:
			return nil
		case sdk.KindOf(err) == sdk.NotFound:
			return send(&pb.Volume{Id: v.UUID, Owner: last.GetOwner(), Name: last.GetName(), Zone: last.GetZone(), State: pb.VolumeState_VOLUME_STATE_GONE})
		case !passing(err):
			return err
		default:
			if !pause(ctx, max(retry.NextBackOff(), retryAfterOf(err))) {
				return nil
			}
		}
	}
}
