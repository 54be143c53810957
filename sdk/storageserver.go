package sdk

import (
	"context"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/sdk/pb"
)

type storageServer struct {
	pb.UnimplementedStorageServer
	s *Server
}

var _ pb.StorageServer = storageServer{}

func (c storageServer) OfferVolume(req *pb.OfferVolumeRequest, stream grpc.ServerStreamingServer[pb.OfferVolumeResponse]) error {
	cl := call{op: "offer volume", provider: req.GetProvider(), faults: append(checkVolumeSpec(req.GetSpec()), checkHours(req.GetForHours())...)}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Storage) error {
		return p.OfferVolume(ctx, req, stream.Send)
	})
}

func (c storageServer) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (out *pb.Volume, err error) {
	cl := call{op: "create volume", provider: req.GetProvider(), faults: checkCreateVolume(req), effect: true, key: req.GetOwner().GetKey()}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Storage) (err error) {
		out, err = p.CreateVolume(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c storageServer) GetVolume(ctx context.Context, req *pb.GetVolumeRequest) (out *pb.Volume, err error) {
	cl := call{op: "get volume", provider: req.GetProvider(), faults: checkRef(req.GetOwner(), req.GetId())}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Storage) (err error) {
		out, err = p.GetVolume(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c storageServer) ListVolumes(req *pb.ListVolumesRequest, stream grpc.ServerStreamingServer[pb.Volume]) error {
	cl := call{op: "list volumes", provider: req.GetProvider()}
	if req.GetBroker() != "" {
		cl.faults = labelFault("broker", req.GetBroker())
	}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Storage) error {
		return p.ListVolumes(ctx, req, stream.Send)
	})
}

func (c storageServer) DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) (*pb.DeleteVolumeResponse, error) {
	cl := call{op: "delete volume", provider: req.GetProvider(), faults: checkRef(req.GetOwner(), req.GetId()), effect: true, key: ref(req.GetOwner(), req.GetId())}
	err := with(ctx, c.s, cl, func(ctx context.Context, p Storage) error {
		return gone(p.DeleteVolume(ctx, req))
	})
	return &pb.DeleteVolumeResponse{}, err
}

func (c storageServer) WatchVolume(req *pb.GetVolumeRequest, stream grpc.ServerStreamingServer[pb.Volume]) error {
	cl := call{op: "watch volume", provider: req.GetProvider(), faults: checkRef(req.GetOwner(), req.GetId()), lasting: true}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Storage) error {
		return p.WatchVolume(ctx, req, stream.Send)
	})
}

type exporterServer struct {
	pb.UnimplementedExporterServer
	s *Server
}

var _ pb.ExporterServer = exporterServer{}

func (c exporterServer) Export(ctx context.Context, req *pb.ExportRequest) (out *pb.ExportResponse, err error) {
	cl := call{op: "export volume", provider: req.GetProvider(), faults: checkExport(req), effect: true, key: "volume " + req.GetVolumeId()}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Exporter) (err error) {
		out, err = p.Export(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c exporterServer) Unexport(ctx context.Context, req *pb.UnexportRequest) (*pb.UnexportResponse, error) {
	cl := call{
		op: "end export of volume", provider: req.GetProvider(), effect: true, key: "volume " + req.GetVolumeId(),
		faults: checkVolumeUse(req.GetVolumeId(), req.GetAttachmentId()),
	}
	err := with(ctx, c.s, cl, func(ctx context.Context, p Exporter) error {
		return gone(p.Unexport(ctx, req))
	})
	return &pb.UnexportResponse{}, err
}
