package upcloud

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Images = (*Provider)(nil)

func imageTitle(own ownKey) string { return "meson-image-" + own.hash() }

// ListImages sends the templates of the broker, or all that may be used.
func (p *Provider) ListImages(ctx context.Context, req *pb.ListImagesRequest, send func(*pb.Image) error) error {
	if _, err := p.cloud(); err != nil {
		return err
	}
	all, err := p.api.GetStorages(ctx, &request.GetStoragesRequest{Type: upcloud.StorageTypeTemplate})
	if err != nil {
		return failed("list templates", "", err, false)
	}
	for _, d := range all.Storages {
		v := p.storage(upcloud.StorageDetails{Storage: d}, false)
		if d.Type != upcloud.StorageTypeTemplate || !uuidText.MatchString(d.UUID) || req.GetBroker() != "" && v.own().broker != req.GetBroker() {
			continue
		}
		if err := send(p.image(v)); err != nil {
			return err
		}
	}
	return nil
}

// image is a template in the words of the contract.
func (p *Provider) image(v *volume) *pb.Image {
	out := &pb.Image{
		Id: v.UUID, Owner: v.owner(), Name: cmp.Or(v.labels[labelName], v.Title), Region: regionOf(v.Zone), Zone: v.Zone,
		SizeBytes: uint64(max(v.Size, 0)) * gib, MinSizeBytes: uint64(max(v.Size, 0)) * gib, OsFamily: v.labels[labelFamily], OsFlavour: v.labels[labelFlavour],
	}
	out.State, out.Message = v.status()
	if v.owner() != nil && v.labels[labelImage] == "" && out.State == pb.VolumeState_VOLUME_STATE_AVAILABLE {
		out.State = pb.VolumeState_VOLUME_STATE_CREATING
	}
	if !v.Created.IsZero() {
		out.CreatedAt = timestamppb.New(v.Created)
	}
	return out
}

// The labels of an image: whether it is whole, and what system it has, as its
// importer said.
const (
	labelImage   = "meson-image"
	labelFamily  = "meson-os-family"
	labelFlavour = "meson-os-flavour"
)

// ImportImage makes a volume of the image, a template of the volume, and removes
// the volume. All three are found by the owner's key.
func (p *Provider) ImportImage(ctx context.Context, req *pb.ImportImageRequest) (*pb.Image, error) {
	if req.GetZone() == "" {
		return nil, sdk.InvalidFaults("import image", []sdk.Fault{{Path: "zone", Want: "a zone such as fi-hel1", Text: "UpCloud keeps a template in one zone: which?"}})
	}
	owner := req.GetOwner()
	own := ownKey{owner.GetBroker(), owner.GetKey()}
	t, err := p.copyOf(ctx, upcloud.StorageTypeTemplate, imageTitle(own), ref{ownKey: own})
	if err != nil {
		return nil, err
	}
	switch {
	case t != nil && t.owner() != nil && t.owner().GetRequest() != owner.GetRequest():
		return nil, sdk.SameRequest(t.owner().GetRequest(), owner)
	case t != nil && t.State == upcloud.StorageStateOnline && t.labels[labelImage] == "":
		return p.finishImage(ctx, t, req)
	case t != nil:
		return p.image(t), nil
	}
	v, err := p.CreateVolume(ctx, volumeOfImage(req))
	if err != nil {
		return nil, err
	}
	made := &pb.Image{Id: v.GetId(), Owner: owner, Name: req.GetName(), Zone: req.GetZone(), State: v.GetState(), Progress: v.GetProgress(), Message: v.GetMessage()}
	if v.GetState() != pb.VolumeState_VOLUME_STATE_AVAILABLE {
		return made, nil
	}
	if t, err = p.newVolume(ctx, "make template", &request.TemplatizeStorageRequest{UUID: v.GetId(), Title: imageTitle(own)}, own); err != nil {
		return nil, err
	}
	p.step("image.made")
	made.Id, made.State = t.UUID, pb.VolumeState_VOLUME_STATE_CREATING
	return made, nil
}

// finishImage removes what a template was made from, once it is whole, and labels
// it: it may have the labels of what it was made from, or none.
func (p *Provider) finishImage(ctx context.Context, t *volume, req *pb.ImportImageRequest) (*pb.Image, error) {
	owner := req.GetOwner()
	if err := p.DeleteVolume(ctx, &pb.DeleteVolumeRequest{Owner: owner}); err != nil {
		return nil, err
	}
	p.step("image.swept")
	labels := sdk.OwnerLabels(owner)
	labels[labelName], labels[labelImage] = req.GetName(), "whole"
	labels[labelFamily], labels[labelFlavour] = req.GetOsFamily(), req.GetOsFlavour()
	if err := p.relabelVolume(ctx, t, labels); err != nil {
		return nil, err
	}
	p.templates.forget()
	p.step("image.finished")
	return p.image(t), nil
}

// volumeOfImage is the volume that a template is made from: of the cheapest tier
// that all zones have.
func volumeOfImage(req *pb.ImportImageRequest) *pb.CreateVolumeRequest {
	size := max(int(min((req.GetSizeBytes()+gib-1)/gib, maxBootDiskGiB)), minBootDiskGiB)
	shape := volumeShape{Zone: req.GetZone(), Tier: upcloud.StorageTierMaxIOPS, GiB: size}
	token, _ := json.Marshal(shape) // of strings and a number: it cannot fail
	return &pb.CreateVolumeRequest{
		Owner: req.GetOwner(), Name: req.GetName(), Spec: &pb.VolumeSpec{SizeBytes: uint64(size) * gib},
		Offer:  &pb.VolumeOffer{Id: fmt.Sprintf("%s/storage/%s/%dg", shape.Zone, shape.Tier, size), Zone: shape.Zone, Tier: shape.Tier, Token: token},
		Origin: &pb.CreateVolumeRequest_Image{Image: req.GetOrigin()},
	}
}

// DeleteImage removes a template, and what is left of making it.
func (p *Provider) DeleteImage(ctx context.Context, req *pb.DeleteImageRequest) error {
	r := refOf(req.GetOwner(), req.GetId())
	t, err := p.copyOf(ctx, upcloud.StorageTypeTemplate, imageTitle(r.ownKey), r)
	if err != nil {
		return err
	}
	if r.key == "" && t != nil {
		r.ownKey = t.own()
	}
	if r.key != "" {
		if err := p.DeleteVolume(ctx, &pb.DeleteVolumeRequest{Owner: &pb.Owner{Broker: r.broker, Key: r.key}}); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	err = p.removeStorage(ctx, t.UUID)
	if err == nil {
		p.templates.forget()
		p.step("image.removed")
	}
	return err
}
