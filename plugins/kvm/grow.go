package kvm

import (
	"context"
	"fmt"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.AttachmentResizer = (*Provider)(nil)

// ResizeAttachment has the QEMU of a machine grow a volume's file, which it has open
// and locked. Of a machine that is off, the file is its vault's to grow.
func (p *Provider) ResizeAttachment(ctx context.Context, req *pb.ResizeAttachmentRequest) (*pb.Instance, error) {
	const op = "resize attachment"
	m, unlock, err := p.linked(ctx, op, req.GetId(), req.GetBroker())
	if err != nil {
		return nil, err
	}
	defer unlock()
	id := req.GetAttachmentId()
	if err := m.mayGrow(id); err != nil {
		return nil, err
	}
	w, err := m.at.wiring(ctx, m.uuid)
	if err != nil {
		return nil, failed(op, m.at, err, true)
	}
	if d := link.Find(w.live, id); d != nil {
		if err := m.at.growDisk(ctx, m.uuid, d.Target.Dev, req.GetSizeBytes()); err != nil {
			return nil, failed(op, m.at, err, true)
		}
	}
	return p.relinked(ctx, m, id, true)
}

// mayGrow refuses what is not the machine's to grow.
func (m *machine) mayGrow(id string) error {
	e := &sdk.Error{Op: "resize attachment", Subject: m.name, Source: sdk.SourcePlugin}
	switch r := m.record(id); {
	case r == nil:
		e.Kind, e.Source, e.Text = sdk.NotFound, sdk.SourceProvider, "it has no attachment "+id
	case r.Kind != link.KindFile:
		e.Kind, e.Text = sdk.Unsupported, fmt.Sprintf("the bytes of attachment %s are served by %s, and grow there", id, r.Kind)
	case r.ReadOnly:
		e.Kind, e.Text = sdk.Denied, "it only reads the file of attachment "+id
	default:
		return nil
	}
	return e
}

// growDisk lets the disk of a machine that runs grow; one that is off by now, or
// that let go of the disk, has nothing to grow.
func (at *place) growDisk(ctx context.Context, uuid, target string, bytes uint64) error {
	return at.change(ctx, "grow disk", uuid, func(dom *libvirt.Domain) error {
		if active, err := dom.IsActive(); err != nil || !active {
			return err
		}
		info, err := dom.GetBlockInfo(target, 0)
		if err != nil || info.Capacity >= bytes {
			return err
		}
		return dom.BlockResize(target, bytes, libvirt.DOMAIN_BLOCK_RESIZE_BYTES)
	})
}
