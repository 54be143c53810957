package sdk

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

type computeServer struct {
	pb.UnimplementedComputeServer
	s *Server
}

var _ pb.ComputeServer = computeServer{}

func (c computeServer) Offer(req *pb.OfferRequest, stream grpc.ServerStreamingServer[pb.OfferResponse]) error {
	cl := call{op: "offer", provider: req.GetProvider(), faults: checkOffer(req)}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Compute) error {
		return p.Offer(ctx, req, func(r *pb.OfferResponse) error {
			return inBatches(r, stream.Send)
		})
	})
}

// batchBytes is the size that a message of a stream is kept near to.
const batchBytes = 256 << 10

// inBatches sends an answer in as many messages as it takes to keep each small.
func inBatches(r *pb.OfferResponse, send func(*pb.OfferResponse) error) error {
	if proto.Size(r) <= batchBytes {
		return send(r)
	}
	batch, size := &pb.OfferResponse{}, 0
	flush := func(next int) error {
		if size += next; size <= batchBytes || size == next {
			return nil
		}
		err := send(batch)
		batch, size = &pb.OfferResponse{}, next
		return err
	}
	for _, o := range r.GetOffers() {
		if err := flush(proto.Size(o)); err != nil {
			return err
		}
		batch.Offers = append(batch.Offers, o)
	}
	for _, why := range r.GetReasons() {
		if err := flush(proto.Size(why)); err != nil {
			return err
		}
		batch.Reasons = append(batch.Reasons, why)
	}
	return send(batch)
}

func (c computeServer) Create(ctx context.Context, req *pb.CreateRequest) (out *pb.Instance, err error) {
	cl := call{op: "create instance", provider: req.GetProvider(), faults: checkCreate(req), effect: true, key: req.GetOwner().GetKey()}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Compute) (err error) {
		out, err = p.Create(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c computeServer) Get(ctx context.Context, req *pb.GetRequest) (out *pb.Instance, err error) {
	cl := call{op: "get instance", provider: req.GetProvider(), faults: checkRef(req.GetOwner(), req.GetId())}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Compute) (err error) {
		out, err = p.Get(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c computeServer) List(req *pb.ListRequest, stream grpc.ServerStreamingServer[pb.Instance]) error {
	cl := call{op: "list instances", provider: req.GetProvider(), faults: labelFault("broker", req.GetBroker())}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Compute) error {
		return p.List(ctx, req, stream.Send)
	})
}

func (c computeServer) Delete(ctx context.Context, req *pb.DeleteRequest) (*pb.DeleteResponse, error) {
	cl := call{op: "delete instance", provider: req.GetProvider(), faults: checkRef(req.GetOwner(), req.GetId()), effect: true, key: ref(req.GetOwner(), req.GetId())}
	err := with(ctx, c.s, cl, func(ctx context.Context, p Compute) error {
		return gone(p.Delete(ctx, req))
	})
	return &pb.DeleteResponse{}, err
}

func (c computeServer) Watch(req *pb.GetRequest, stream grpc.ServerStreamingServer[pb.Instance]) error {
	cl := call{op: "watch instance", provider: req.GetProvider(), faults: checkRef(req.GetOwner(), req.GetId()), lasting: true}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Compute) error {
		return p.Watch(ctx, req, stream.Send)
	})
}

// gone takes NotFound for the success that it is when something is deleted.
func gone(err error) error {
	if KindOf(err) == NotFound {
		return nil
	}
	return err
}

// ref is what calls on the same object have in common.
func ref(owner *pb.Owner, id string) string {
	if owner.GetKey() != "" {
		return owner.GetKey()
	}
	return "id " + id
}

// answered refuses success without an answer.
func answered[T any](out *T, err error, c call) error {
	if err == nil && out == nil {
		return normal(context.Background(), c, errNoAnswer{})
	}
	return err
}

type errNoAnswer struct{}

func (errNoAnswer) Error() string { return "the plugin gave neither an answer nor an error" }
