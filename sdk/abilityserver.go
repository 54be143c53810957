package sdk

import (
	"context"

	"github.com/mesoncloud/meson/sdk/pb"
)

type powerServer struct {
	pb.UnimplementedPowerServer
	s *Server
}

var _ pb.PowerServer = powerServer{}

func (c powerServer) SetPower(ctx context.Context, req *pb.SetPowerRequest) (out *pb.Instance, err error) {
	cl := call{op: "set power", provider: req.GetProvider(), faults: checkPower(req), effect: true}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Power) (err error) {
		out, err = p.SetPower(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

type attacherServer struct {
	pb.UnimplementedAttacherServer
	s *Server
}

var _ pb.AttacherServer = attacherServer{}

func (c attacherServer) Attach(ctx context.Context, req *pb.AttachRequest) (out *pb.Instance, err error) {
	cl := call{
		op: "attach volume", provider: req.GetProvider(), effect: true, key: ref(nil, req.GetId()),
		faults: append(checkID(req.GetId(), req.GetBroker()), checkAttachment("attachment", req.GetAttachment())...),
	}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Attacher) (err error) {
		out, err = p.Attach(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c attacherServer) Detach(ctx context.Context, req *pb.DetachRequest) (out *pb.Instance, err error) {
	cl := call{op: "detach volume", provider: req.GetProvider(), faults: checkID(req.GetId(), req.GetBroker()), effect: true, key: ref(nil, req.GetId())}
	if req.GetAttachmentId() == "" {
		cl.faults = append(cl.faults, missing("attachment_id", "the attachment's id"))
	}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Attacher) (err error) {
		out, err = p.Detach(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

type attachmentResizerServer struct {
	pb.UnimplementedAttachmentResizerServer
	s *Server
}

var _ pb.AttachmentResizerServer = attachmentResizerServer{}

func (c attachmentResizerServer) ResizeAttachment(ctx context.Context, req *pb.ResizeAttachmentRequest) (out *pb.Instance, err error) {
	cl := call{op: "resize attachment", provider: req.GetProvider(), faults: checkID(req.GetId(), req.GetBroker()), effect: true, key: ref(nil, req.GetId())}
	if req.GetAttachmentId() == "" {
		cl.faults = append(cl.faults, missing("attachment_id", "the attachment's id"))
	}
	if req.GetSizeBytes() == 0 {
		cl.faults = append(cl.faults, missing("size_bytes", "the size that it is to have"))
	}
	err = with(ctx, c.s, cl, func(ctx context.Context, p AttachmentResizer) (err error) {
		out, err = p.ResizeAttachment(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}
