package upcloud

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Exporter = (*Provider)(nil)

// Export notes on the volume which attachment may write. That only one server
// writes is UpCloud's own doing: it attaches a storage to one at a time.
func (p *Provider) Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	const op = "export volume"
	if all := req.GetConsumable(); len(all) > 0 && !slices.Contains(all, pb.ConnectionKind_CONNECTION_KIND_NATIVE) {
		return nil, &sdk.Error{Kind: sdk.Unsupported, Op: op, Subject: req.GetVolumeId(), Source: sdk.SourcePlugin, Text: "UpCloud's storages reach UpCloud's servers alone"}
	}
	if req.GetReadOnly() {
		return nil, &sdk.Error{Kind: sdk.Unsupported, Op: op, Subject: req.GetVolumeId(), Source: sdk.SourcePlugin, Text: "UpCloud has no storages that are attached for reading alone"}
	}
	unlock, err := p.busy.Lock(ctx, req.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := p.findVolume(ctx, ref{uuid: req.GetVolumeId(), ownKey: ownKey{broker: req.GetOwner().GetBroker()}})
	if err != nil {
		return nil, err
	}
	switch has := v.labels[labelExport]; {
	case v.labels[labelRevert] != "":
		return nil, &sdk.Error{
			Kind: sdk.Busy, Op: op, Subject: v.UUID, Source: sdk.SourceProvider, Text: "it is being reverted to " + v.labels[labelRevert],
		}
	case has == req.GetAttachmentId():
	case has != "":
		return nil, &sdk.Error{
			Kind: sdk.Busy, Op: op, Subject: v.UUID, Source: sdk.SourceProvider, Text: fmt.Sprintf("attachment %s has it", has),
		}
	default:
		err := p.relabelVolume(ctx, v, map[string]string{
			labelExport: req.GetAttachmentId(), labelEpoch: strconv.FormatUint(v.epoch()+1, 10),
		})
		if err != nil {
			return nil, err
		}
		p.step("export.noted")
	}
	return &pb.ExportResponse{
		Epoch:      v.epoch(),
		Connection: &pb.Connection{Path: &pb.Connection_Native{Native: &pb.NativeConnection{VolumeId: v.UUID}}},
	}, nil
}

// Unexport ends it. A server that still has the volume is named, or, by force, is
// made to let go of it.
func (p *Provider) Unexport(ctx context.Context, req *pb.UnexportRequest) error {
	unlock, err := p.busy.Lock(ctx, req.GetVolumeId())
	if err != nil {
		return err
	}
	defer unlock()
	v, err := p.findVolume(ctx, ref{uuid: req.GetVolumeId()})
	switch {
	case sdk.KindOf(err) == sdk.NotFound:
		return nil
	case err != nil:
		return err
	case v.labels[labelExport] != req.GetAttachmentId():
		return nil
	}
	for _, at := range v.ServerUUIDs {
		if !req.GetForce() {
			return &sdk.Error{Kind: sdk.Busy, Op: "end export of volume", Subject: v.UUID, Source: sdk.SourceProvider, Text: "server " + at + " has it"}
		}
		s, err := p.read(ctx, at)
		if err != nil && sdk.KindOf(err) != sdk.NotFound {
			return err
		}
		if err != nil || s.slot(v.UUID) == nil {
			continue
		}
		if err := p.post(ctx, "detach volume", v.UUID, &request.DetachStorageRequest{ServerUUID: at, Address: s.slot(v.UUID).address}); err != nil {
			return err
		}
		p.step("unexport.detached")
	}
	err = p.relabelVolume(ctx, v, map[string]string{labelExport: ""})
	if err == nil {
		p.step("unexport.noted")
	}
	return err
}
