package host

import (
	"cmp"
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	exporterService = "meson.plugin.v1.Exporter"
	attacherService = "meson.plugin.v1.Attacher"
	growerService   = "meson.plugin.v1.AttachmentResizer"
)

// Export makes a volume reachable for one attachment and says how. A way that
// was not asked for, that is writable where reading was asked for, or that could
// be read as something else by who connects, is refused; the volume may be
// exported all the same, and Unexport ends that.
func (p *Provider) Export(ctx context.Context, req core.ExportRequest) (core.Export, error) {
	accepted := req.Kinds
	if len(accepted) == 0 {
		accepted = req.From.Kinds
	}
	wire := &pb.ExportRequest{
		Provider: p.config.Name, VolumeId: req.VolumeID, Owner: ownerToPB(req.Owner), AttachmentId: req.Attachment, ReadOnly: req.ReadOnly,
		Consumable: kindsToPB(accepted), Consumer: cmp.Or(req.From.InitiatorIQN, req.From.Host), From: consumerToPB(req.From),
	}
	var made core.Export
	err := p.change(ctx, "export volume", exporterService, func(ctx context.Context, s *session) error {
		answer, err := pb.NewExporterClient(s.conn).Export(ctx, wire)
		if err != nil {
			return err
		}
		made.Epoch = answer.GetEpoch()
		made.Connection, err = connection(answer.GetConnection(), req, accepted)
		return err
	})
	if err != nil {
		return core.Export{}, err
	}
	return made, nil
}

// Unexport ends an export: the other side can neither read nor write afterwards.
// What is not exported is no error. Force cuts off who does not let go; without
// it that is Busy.
func (p *Provider) Unexport(ctx context.Context, volumeID, attachment string, force bool) error {
	return p.change(ctx, "end export of volume", exporterService, func(ctx context.Context, s *session) error {
		_, err := pb.NewExporterClient(s.conn).Unexport(ctx, &pb.UnexportRequest{
			Provider: p.config.Name, VolumeId: volumeID, AttachmentId: attachment, Force: force,
		})
		return err
	})
}

// Attach connects a volume to a machine that exists; the same attachment again
// is no change. ref must have the machine's id.
func (p *Provider) Attach(ctx context.Context, ref core.InstanceRef, broker string, a core.Attachment) (core.Instance, error) {
	wire := &pb.AttachRequest{Provider: p.config.Name, Id: ref.ID, Broker: broker, Attachment: attachmentToPB(a)}
	if err := cmp.Or(p.wantsID("attach volume", ref), tooLarge(proto.Size(wire))); err != nil {
		return core.Instance{}, err
	}
	return p.attached(ctx, "attach volume", ref, broker, func(ctx context.Context, c pb.AttacherClient) (*pb.Instance, error) {
		return c.Attach(ctx, wire)
	}, func(in core.Instance) error { return nil })
}

// Detach disconnects a volume from a machine and returns when that has let go;
// Busy, with who holds it, where it does not. ref must have the machine's id.
func (p *Provider) Detach(ctx context.Context, ref core.InstanceRef, broker, attachment string) (core.Instance, error) {
	if err := p.wantsID("detach volume", ref); err != nil {
		return core.Instance{}, err
	}
	return p.attached(ctx, "detach volume", ref, broker, func(ctx context.Context, c pb.AttacherClient) (*pb.Instance, error) {
		return c.Detach(ctx, &pb.DetachRequest{Provider: p.config.Name, Id: ref.ID, Broker: broker, AttachmentId: attachment})
	}, func(in core.Instance) error {
		if slices.ContainsFunc(in.Attachments, func(a core.Attachment) bool { return a.ID == attachment }) {
			return against("a machine", "attachments", "it still has %s, which it was to let go", cut(attachment, 64))
		}
		return nil
	})
}

// ResizeAttachment has a machine grow the file of an attachment that it has open
// itself. ref must have the machine's id.
func (p *Provider) ResizeAttachment(ctx context.Context, ref core.InstanceRef, broker, attachment string, sizeBytes int64) error {
	const op = "resize attachment"
	if err := p.wantsID(op, ref); err != nil {
		return err
	}
	return p.change(ctx, op, growerService, func(ctx context.Context, s *session) error {
		answer, err := pb.NewAttachmentResizerClient(s.conn).ResizeAttachment(ctx, &pb.ResizeAttachmentRequest{
			Provider: p.config.Name, Id: ref.ID, Broker: broker, AttachmentId: attachment, SizeBytes: uint64(max(sizeBytes, 0)),
		})
		if err != nil {
			return err
		}
		_, err = p.instance(answer, asked{owner: core.Owner{Broker: broker, Key: ref.Owner.Key}, id: ref.ID})
		return err
	})
}

// attached makes a call that changes what a machine has attached; right looks at
// the machine that it answers with.
func (p *Provider) attached(ctx context.Context, op string, ref core.InstanceRef, broker string,
	call func(context.Context, pb.AttacherClient) (*pb.Instance, error), right func(core.Instance) error,
) (core.Instance, error) {
	var after core.Instance
	err := p.change(ctx, op, attacherService, func(ctx context.Context, s *session) error {
		answer, err := call(ctx, pb.NewAttacherClient(s.conn))
		if err != nil {
			return err
		}
		if after, err = p.instance(answer, asked{owner: core.Owner{Broker: broker, Key: ref.Owner.Key}, id: ref.ID}); err != nil {
			return err
		}
		return right(after)
	})
	return after, err
}

func (p *Provider) wantsID(op string, ref core.InstanceRef) error {
	if ref.ID != "" {
		return nil
	}
	return &core.Error{Kind: core.Invalid, Op: op, Subject: "provider " + p.config.Name, Text: "want the id of a machine"}
}
