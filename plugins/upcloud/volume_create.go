package upcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Storage = (*Provider)(nil)

// volumeOrder is a CreateVolume that has been read and found sound.
type volumeOrder struct {
	req   *pb.CreateVolumeRequest
	own   ownKey
	shape *volumeShape
	// from is the storage or backup that it is a copy of; empty: none.
	from string
}

func (p *Provider) volumeOrderOf(req *pb.CreateVolumeRequest) (*volumeOrder, error) {
	shape, err := shapeOf(req.GetOffer())
	if err != nil {
		return nil, err
	}
	o := &volumeOrder{req: req, shape: shape, own: ownKey{req.GetOwner().GetBroker(), req.GetOwner().GetKey()}}
	var faults []sdk.Fault
	if asked := req.GetSpec().GetSizeBytes(); asked > uint64(shape.GiB)*gib {
		faults = append(faults, sdk.Fault{
			Path: "spec.size_bytes", Have: fmt.Sprint(asked), Want: fmt.Sprintf("at most the %d GiB of the offer", shape.GiB), Text: "it is larger than the offer",
		})
	}
	switch from := req.GetOrigin().(type) {
	case *pb.CreateVolumeRequest_Image:
		u, err := url.Parse(from.Image.GetUrl())
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			faults = append(faults, sdk.Fault{
				Path: "image.url", Want: "http://… or https://… without a password", Text: "UpCloud fetches images by such addresses alone",
			})
		}
	case *pb.CreateVolumeRequest_VolumeId:
		o.from = from.VolumeId
	case *pb.CreateVolumeRequest_SnapshotId:
		o.from = from.SnapshotId
	}
	if _, copied := req.GetOrigin().(*pb.CreateVolumeRequest_Image); !copied && req.GetOrigin() != nil && !uuidText.MatchString(o.from) {
		faults = append(faults, sdk.Fault{Path: "origin", Have: shortened(o.from), Want: "the UUID of a storage or backup", Text: "it is no UUID"})
	}
	return o, sdk.InvalidFaults("create volume", faults)
}

// CreateVolume makes an empty storage in one request. An image is then fetched
// into it; a copy is made by one request and labelled by the next, being known by
// its title until then.
func (p *Provider) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	o, err := p.volumeOrderOf(req)
	if err != nil {
		return nil, err
	}
	if _, err := p.cloud(); err != nil {
		return nil, err
	}
	unlock, err := p.busy.Lock(ctx, o.own.broker+"/"+o.own.key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := sdk.Ensure(ctx, sdk.EnsureOps[*volume]{
		Find: func(ctx context.Context) (*volume, bool, error) {
			v, err := p.findVolume(ctx, ref{ownKey: o.own})
			if sdk.KindOf(err) == sdk.NotFound {
				p.step("volume.looked")
				return nil, false, nil
			}
			return v, err == nil, err
		},
		Request: func(v *volume) string { return v.owner().GetRequest() },
		Create: func(ctx context.Context) (*volume, error) {
			if o.from != "" {
				return p.copyVolume(ctx, o)
			}
			return p.makeVolume(ctx, o)
		},
	}, req.GetOwner())
	if err != nil {
		return nil, err
	}
	if v.labels[labelUnfinished] != "" {
		if err := p.finishVolume(ctx, o, v); err != nil {
			return nil, err
		}
	}
	return v.wire(), nil
}

func (o *volumeOrder) labels(unfinished string) map[string]string {
	all := sdk.OwnerLabels(o.req.GetOwner())
	all[labelName] = o.req.GetName()
	if unfinished != "" {
		all[labelUnfinished] = unfinished
	}
	return all
}

// makeVolume makes an empty one.
func (p *Provider) makeVolume(ctx context.Context, o *volumeOrder) (*volume, error) {
	unfinished := ""
	if o.req.GetImage() != nil {
		unfinished = unfinishedImport
	}
	r := &request.CreateStorageRequest{
		Zone: o.shape.Zone, Tier: o.shape.Tier, Size: o.shape.GiB, Title: "meson-" + o.req.GetName(), Labels: *labelSlice(o.labels(unfinished)),
	}
	return p.newVolume(ctx, "create volume", r, o.own)
}

// copyVolume makes one from another storage. A copy cannot be labelled by the
// request that makes it.
func (p *Provider) copyVolume(ctx context.Context, o *volumeOrder) (*volume, error) {
	all, err := p.volumes(ctx)
	if err != nil {
		return nil, err
	}
	var v *volume
	for _, one := range all {
		if one.Title == copyTitle(o.own) && one.owner() == nil {
			v = one
		}
	}
	if v == nil {
		r := &request.CloneStorageRequest{UUID: o.from, Zone: o.shape.Zone, Tier: o.shape.Tier, Title: copyTitle(o.own)}
		if v, err = p.newVolume(ctx, "copy volume", r, o.own); err != nil {
			return nil, err
		}
	}
	err = p.relabelVolume(ctx, v, o.labels(unfinishedCopy))
	if err == nil {
		p.step("volume.labelled")
	}
	return v, err
}

// newVolume sends a request that makes a storage once.
func (p *Provider) newVolume(ctx context.Context, op string, r request.Request, own ownKey) (*volume, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, &sdk.Error{Kind: sdk.Internal, Op: op, Source: sdk.SourcePlugin, Err: err}
	}
	if before, may := p.memory.sending(own); !may {
		return nil, p.unanswered(op, own, before)
	}
	body, err = p.wire.Post(ctx, r.RequestURL(), body)
	p.step("volume.answered")
	var d upcloud.StorageDetails
	if err == nil {
		err = json.Unmarshal(body, &d)
	}
	p.changed()
	e := failed(op, "key "+own.key, err, true)
	if sdk.KindOf(e) == sdk.Uncertain {
		return nil, e // who asks again finds it, if it is there
	}
	p.memory.answered(own)
	if e != nil {
		return nil, p.refused(e)
	}
	p.step("volume.made")
	return p.storage(d, true), nil
}
