package sdk

import (
	"context"

	"github.com/mesoncloud/meson/sdk/pb"
)

type pluginServer struct {
	pb.UnimplementedPluginServer
	s *Server
}

var _ pb.PluginServer = pluginServer{}

func (p pluginServer) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	if p.s.fault != nil {
		return nil, wire(&Error{Kind: Internal, Source: SourcePlugin, Text: "the plugin is defective", Err: p.s.fault})
	}
	return p.s.plugin.describe, nil
}

func (p pluginServer) Configure(ctx context.Context, req *pb.ConfigureRequest) (out *pb.ConfigureResponse, err error) {
	err = p.s.begin(ctx, call{op: "configure provider", provider: req.GetProvider()}, func(ctx context.Context) error {
		if err := InvalidFaults("configure provider", nameFaults("provider", req.GetProvider())); err != nil {
			return err
		}
		out, err = p.s.configure(ctx, req)
		return err
	})
	return out, wire(err)
}

func (p pluginServer) Check(ctx context.Context, req *pb.CheckRequest) (*pb.CheckResponse, error) {
	out := &pb.CheckResponse{}
	err := with(ctx, p.s, call{op: "check provider", provider: req.GetProvider()}, func(ctx context.Context, v Provider) (err error) {
		out.Items, err = v.Check(ctx)
		return err
	})
	return out, err
}

func (p pluginServer) Discover(ctx context.Context, _ *pb.DiscoverRequest) (*pb.DiscoverResponse, error) {
	out := &pb.DiscoverResponse{}
	err := p.s.begin(ctx, call{op: "discover"}, func(ctx context.Context) (err error) {
		if p.s.plugin.discover != nil {
			out.Found, err = p.s.plugin.discover(ctx)
		}
		return err
	})
	return out, wire(err)
}

func (p pluginServer) PriceList(ctx context.Context, req *pb.PriceListRequest) (*pb.PriceListResponse, error) {
	out := &pb.PriceListResponse{}
	err := with(ctx, p.s, call{op: "read price list", provider: req.GetProvider()}, func(ctx context.Context, v Provider) error {
		list, err := v.PriceList(ctx)
		if err != nil {
			return err
		}
		if list == nil {
			return Errorf(Internal, "the plugin gave no price list")
		}
		out.List = PriceListToPB(list)
		return nil
	})
	return out, err
}

func (p pluginServer) Drain(ctx context.Context, _ *pb.DrainRequest) (*pb.DrainResponse, error) {
	p.s.Drain(ctx)
	return &pb.DrainResponse{}, nil
}
