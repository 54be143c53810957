package sdk

import (
	"context"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/sdk/pb"
)

type imagesServer struct {
	pb.UnimplementedImagesServer
	s *Server
}

var _ pb.ImagesServer = imagesServer{}

func (c imagesServer) ListImages(req *pb.ListImagesRequest, stream grpc.ServerStreamingServer[pb.Image]) error {
	cl := call{op: "list images", provider: req.GetProvider()}
	if req.GetBroker() != "" {
		cl.faults = labelFault("broker", req.GetBroker())
	}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Images) error {
		return p.ListImages(ctx, req, stream.Send)
	})
}

func (c imagesServer) ImportImage(ctx context.Context, req *pb.ImportImageRequest) (out *pb.Image, err error) {
	cl := call{
		op: "import image", provider: req.GetProvider(), effect: true, key: req.GetOwner().GetKey(),
		faults: append(OwnerFaults("owner", req.GetOwner()), checkMachineName(req.GetName())...),
	}
	if req.GetOrigin().GetUrl() == "" {
		cl.faults = append(cl.faults, missing("origin.url", "where the image is"))
	}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Images) (err error) {
		out, err = p.ImportImage(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c imagesServer) DeleteImage(ctx context.Context, req *pb.DeleteImageRequest) (*pb.DeleteImageResponse, error) {
	cl := call{
		op: "delete image", provider: req.GetProvider(), effect: true, key: ref(req.GetOwner(), req.GetId()),
		faults: checkRef(req.GetOwner(), req.GetId()),
	}
	err := with(ctx, c.s, cl, func(ctx context.Context, p Images) error {
		return gone(p.DeleteImage(ctx, req))
	})
	return &pb.DeleteImageResponse{}, err
}
