package upcloud

import (
	"context"
	"fmt"
	"strings"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
)

// finishVolume does what is next of a volume that is more than an empty disk. It
// is done with once the label that says so is gone.
func (p *Provider) finishVolume(ctx context.Context, o *volumeOrder, v *volume) error {
	if o.from != "" {
		return p.finishCopy(ctx, o, v)
	}
	const op = "import image"
	done, err := p.api.GetStorageImportDetails(ctx, &request.GetStorageImportDetailsRequest{UUID: v.UUID})
	if e := failed(op, v.UUID, err, false); sdk.KindOf(e) == sdk.NotFound {
		_, err := p.api.CreateStorageImport(ctx, &request.CreateStorageImportRequest{
			StorageUUID: v.UUID, Source: request.StorageImportSourceHTTPImport, SourceLocation: o.req.GetImage().GetUrl(),
		})
		if err == nil {
			p.step("volume.importing")
		}
		return failed(op, v.UUID, err, true)
	} else if e != nil {
		return e
	}
	switch done.State {
	case upcloud.StorageImportStateCompleted:
		want := strings.ToLower(o.req.GetImage().GetSha256())
		if have := strings.ToLower(done.SHA256Sum); want != "" && have != want {
			return p.spoiled(ctx, v, fmt.Sprintf("the image has the sha256 %.64s, not %.64s", have, want))
		}
		return p.finished(ctx, v)
	case upcloud.StorageImportStateFailed, upcloud.StorageImportStateCancelled:
		return p.spoiled(ctx, v, sdk.CleanText(fmt.Sprintf("the import is %s: %s %s", done.State, done.ErrorCode, done.ErrorMessage), maxMessageBytes))
	}
	return nil
}

// finishCopy makes a copy as large as it was offered, once it is whole.
func (p *Provider) finishCopy(ctx context.Context, o *volumeOrder, v *volume) error {
	switch {
	case v.State != upcloud.StorageStateOnline:
		return nil
	case v.Size > o.shape.GiB:
		return p.spoiled(ctx, v, fmt.Sprintf("what it is a copy of has %d GiB, more than the %d of the offer", v.Size, o.shape.GiB))
	case v.Size < o.shape.GiB:
		_, err := p.api.ModifyStorage(ctx, &request.ModifyStorageRequest{UUID: v.UUID, Size: o.shape.GiB})
		if err != nil {
			return failed("enlarge volume", v.UUID, err, true)
		}
		v.Size = o.shape.GiB
		p.step("volume.enlarged")
	}
	return p.finished(ctx, v)
}

func (p *Provider) finished(ctx context.Context, v *volume) error {
	err := p.relabelVolume(ctx, v, map[string]string{labelUnfinished: ""})
	if err == nil {
		p.step("volume.finished")
	}
	return err
}

// spoiled removes what cannot become the volume that was asked for: its refusal is
// definite.
func (p *Provider) spoiled(ctx context.Context, v *volume, why string) error {
	if err := p.removeStorage(ctx, v.UUID); err != nil {
		return err
	}
	return &sdk.Error{Kind: sdk.Invalid, Op: "create volume", Subject: v.UUID, Source: sdk.SourceProvider, Text: why}
}
