package iscsi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Transfer = (*Provider)(nil)

// ImportVolume makes a volume of what is sent. Nobody sees it before it is whole.
func (p *Provider) ImportVolume(ctx context.Context, header *pb.ImportVolumeHeader, data io.Reader) (*pb.Volume, error) {
	s, at, err := p.shapeOf(header.GetOffer())
	if err != nil {
		return nil, err
	}
	if s.Format == "" {
		return nil, sdk.InvalidFaults("import volume", []sdk.Fault{{Path: "header.spec.shareable", Have: "true", Want: "false", Text: "a shareable volume is a directory, and no image is made one"}})
	}
	if f, err := p.store.owned(ctx, header.GetOwner().GetBroker(), header.GetOwner().GetKey()); err == nil && f.State.Owner.Request != header.GetOwner().GetRequest() {
		return nil, sdk.Errorf(sdk.Conflict, "the key %s was used for another request", header.GetOwner().GetKey())
	}
	if err := p.store.fits(ctx, "import volume", at, s.Size); err != nil {
		return nil, err
	}
	v, err := at.vault.Create(ctx, newOf(header.GetOwner(), header.GetName(), header.GetSpec(), s), func(ctx context.Context, b *vault.Build) error {
		_, err := p.store.images.Import(ctx, b.Folder, image.ImportOptions{
			Source: image.Source{Reader: data}, From: image.Format(header.GetFormat()), SHA256: strings.ToLower(header.GetSha256()),
			To: image.Format(s.Format), SizeBytes: s.Size, MaxReadBytes: uint64(p.config.MaxVolumeGiB) * vault.GiB,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	f, err := p.store.find(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	return p.store.wire(f, nil), nil
}

// ExportVolume sends what nobody is writing, or what a snapshot holds, as it is when it
// begins. The volume is not locked meanwhile: see reading.
func (p *Provider) ExportVolume(ctx context.Context, req *pb.ExportVolumeRequest, begin func(total uint64) error, w io.Writer) error {
	const op = "export volume's data"
	f, err := p.store.find(ctx, req.GetId())
	if err != nil {
		return err
	}
	if f.Directory {
		return &sdk.Error{Kind: sdk.Unsupported, Op: op, Subject: "volume " + f.ID, Source: sdk.SourceProvider, Text: "a shareable volume is a directory, and no image"}
	}
	if f, err = p.store.reader(f, op); err != nil {
		return err
	}
	if err := p.store.resume(ctx, f); err != nil {
		return err
	}
	if req.GetOffset() > 0 && req.GetFormat() != "raw" {
		return sdk.InvalidFaults(op, []sdk.Fault{{Path: "offset", Have: fmt.Sprint(req.GetOffset()), Want: "0", Text: "only raw bytes are sent from an offset on"}})
	}
	out := io.Writer(w)
	if req.GetOffset() > 0 {
		out = &behind{w: w, skip: req.GetOffset()}
	}
	var r *reading
	err = f.at.vault.Hold(ctx, f.Ref(), func(ctx context.Context, h *vault.Held) error {
		if one := h.Volume().Snapshot(req.GetSnapshotId()); req.GetSnapshotId() != "" && (one == nil || one.Hidden) {
			return noSnapshot(req.GetSnapshotId())
		}
		if err := errors.Join(p.store.finish(ctx, h), h.Record(op)); err != nil {
			return err
		}
		r, err = p.store.read(ctx, h, op, "an export", req.GetSnapshotId())
		return err
	})
	if err != nil {
		return err
	}
	// What was frozen for it is not needed any more.
	defer p.wg.Go(func() { p.store.compact(p.working, f) })
	scratch, err := r.mark.Scratch()
	if err == nil && req.GetFormat() == "qcow2" {
		// It is built in the vault before it is sent.
		err = p.store.roomBeside(ctx, f, r, vault.QCOW2, op, "export it as raw, which needs no room, or make some")
	}
	if err == nil {
		err = r.Export(ctx, image.ExportOptions{Format: image.Format(req.GetFormat()), TempDir: scratch, Begin: begin}, out)
	}
	return errors.Join(err, r.end())
}

// behind is a writer that leaves out the first bytes.
type behind struct {
	w    io.Writer
	skip uint64
}

// Write writes what lies behind the offset.
func (b *behind) Write(p []byte) (int, error) {
	n := min(uint64(len(p)), b.skip)
	b.skip -= n
	if n == uint64(len(p)) {
		return len(p), nil
	}
	m, err := b.w.Write(p[n:])
	return int(n) + m, err
}
