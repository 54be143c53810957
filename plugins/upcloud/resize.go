package upcloud

import (
	"context"
	"fmt"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Resizer = (*Provider)(nil)

// ResizeVolume makes a storage larger, up to the next GiB. UpCloud does so while
// it is detached, or its server stopped; else it is Busy.
func (p *Provider) ResizeVolume(ctx context.Context, req *pb.ResizeVolumeRequest) (*pb.Volume, error) {
	const op = "resize volume"
	size := int(min((req.GetSizeBytes()+gib-1)/gib, maxBootDiskGiB+1))
	unlock, err := p.busy.Lock(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := p.findVolume(ctx, ref{uuid: req.GetId(), ownKey: ownKey{broker: req.GetOwner().GetBroker()}})
	if err != nil {
		return nil, err
	}
	wrong := func(want, text string) error {
		return sdk.InvalidFaults(op, []sdk.Fault{{Path: "size_bytes", Have: fmt.Sprint(req.GetSizeBytes()), Want: want, Text: text}})
	}
	switch {
	case v.Size == size:
		return v.wire(), nil
	case v.Size > size:
		return nil, wrong(fmt.Sprintf("at least %d", uint64(v.Size)*gib), "a storage of UpCloud cannot be made smaller")
	case size > maxBootDiskGiB:
		return nil, wrong(fmt.Sprintf("at most %d", uint64(maxBootDiskGiB)*gib), fmt.Sprintf("UpCloud's largest storage has %d GiB", maxBootDiskGiB))
	}
	_, err = p.api.ModifyStorage(ctx, &request.ModifyStorageRequest{UUID: v.UUID, Size: size})
	p.changed()
	p.step("resize.answered")
	if e := failed(op, v.UUID, err, true); e != nil {
		if sdk.KindOf(e) == sdk.Busy && len(v.ServerUUIDs) > 0 {
			return nil, &sdk.Error{
				Kind: sdk.Busy, Op: op, Subject: v.UUID, Source: sdk.SourceProvider, Err: e,
				Text: "server " + v.ServerUUIDs[0] + " has it", Hint: "stop the machine, or detach the volume, and ask again",
			}
		}
		return nil, e
	}
	v.Size = size
	return v.wire(), nil
}
