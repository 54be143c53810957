package host

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// goodOffer is one that every test's pledge accepts.
func goodOffer(id string) *pb.Offer {
	return &pb.Offer{
		Id: id, Zone: "z1", Shape: "small", Vcpus: 4, MemoryMib: 4096, Arch: "x86_64",
		Quantities:        []*pb.Quantity{{Sku: "core", Amount: "4"}},
		PriceListRevision: "r1", ExpiresAt: timestamppb.New(time.Now().Add(time.Minute)),
		Facts: map[string]string{"accelerator": "\x1b[5mtcg"}, Token: []byte{1, 2},
	}
}

// badOffers are offers with one fault each, by what is wrong.
func badOffers() map[string]func(*pb.Offer) {
	return map[string]func(*pb.Offer){
		"vcpus":       func(o *pb.Offer) { o.Vcpus = 1 },
		"memory":      func(o *pb.Offer) { o.MemoryMib = 1 },
		"memory huge": func(o *pb.Offer) { o.MemoryMib = 1 << 63 },
		"arch":        func(o *pb.Offer) { o.Arch = "s390x" },
		"expired":     func(o *pb.Offer) { o.ExpiresAt = timestamppb.New(time.Now().Add(-time.Second)) },
		"no expiry":   func(o *pb.Offer) { o.ExpiresAt = nil },
		"no id":       func(o *pb.Offer) { o.Id = "" },
		"escape id":   func(o *pb.Offer) { o.Id = "\x1b]0;pwned\x07" },
		"long shape":  func(o *pb.Offer) { o.Shape = strings.Repeat("x", 5000) },
		"token":       func(o *pb.Offer) { o.Token = make([]byte, 5000) },
		"revision":    func(o *pb.Offer) { o.PriceListRevision = "" },
		"unpriced":    func(o *pb.Offer) { o.Quantities = nil },
		"negative":    func(o *pb.Offer) { o.Quantities[0].Amount = "-4" },
		"zero":        func(o *pb.Offer) { o.Quantities[0].Amount = "0" },
		"nan":         func(o *pb.Offer) { o.Quantities[0].Amount = "NaN" },
		"no sku":      func(o *pb.Offer) { o.Quantities[0].Sku = "" },
		"facts": func(o *pb.Offer) {
			for i := range 100 {
				o.Facts[fmt.Sprint(i)] = ""
			}
		},
	}
}

// Offer behaves as the provider's name says.
func (r *rogue) Offer(req *pb.OfferRequest, out grpc.ServerStreamingServer[pb.OfferResponse]) error {
	disaster(req.GetProvider())
	switch req.GetProvider() {
	case "liar":
		answer := &pb.OfferResponse{Offers: []*pb.Offer{goodOffer("good"), goodOffer("good")}}
		for what, spoil := range badOffers() {
			o := goodOffer("bad " + what)
			spoil(o)
			answer.Offers = append(answer.Offers, o)
		}
		return out.Send(answer)
	case "flood":
		for i := 0; ; i++ {
			answer := &pb.OfferResponse{}
			for j := range 1000 {
				answer.Offers = append(answer.Offers, &pb.Offer{
					Id: fmt.Sprintf("%d-%d", i, j), Vcpus: 4, MemoryMib: 4096, Arch: "x86_64", PriceListRevision: "r",
					Quantities: []*pb.Quantity{{Sku: "core", Amount: "1"}}, ExpiresAt: timestamppb.New(time.Now().Add(time.Hour)),
				})
			}
			if err := out.Send(answer); err != nil {
				return err
			}
		}
	case "reasons":
		for {
			answer := &pb.OfferResponse{}
			for range 1000 {
				answer.Reasons = append(answer.Reasons, &pb.Reason{Text: "no"})
			}
			if err := out.Send(answer); err != nil {
				return err
			}
		}
	case "fat":
		for i := 0; ; i++ {
			o := goodOffer(fmt.Sprint(i))
			for j := range maxPerOffer - 1 {
				o.Facts[fmt.Sprint("f", j)] = strings.Repeat("x", 4000)
			}
			if err := out.Send(&pb.OfferResponse{Offers: []*pb.Offer{o}}); err != nil {
				return err
			}
		}
	case "half":
		if err := out.Send(&pb.OfferResponse{Offers: []*pb.Offer{goodOffer("first")}}); err != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond) // until it is sent
		disaster("dies")
	}
	return out.Send(&pb.OfferResponse{
		Offers: []*pb.Offer{goodOffer("a"), goodOffer("b")},
		Reasons: []*pb.Reason{{
			Candidate: "kvm2", Field: "flags", Text: "avx512f:\n\x1b[0mno host has it",
			Until: timestamppb.New(time.Unix(1, 0)),
		}},
	})
}

// Create answers with the request's user data's length in the message.
func (r *rogue) Create(_ context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	disaster(req.GetProvider())
	in := machine("vm-1", req.GetOwner())
	in.Message = fmt.Sprintf("%s %d %s %q", req.GetLogin().GetPassword(), len(req.GetLogin().GetUserData()), req.GetOffer().GetId(), req.GetPledge().GetArchs())
	switch req.GetProvider() {
	case "full":
		return nil, sdk.ToStatus(&sdk.Error{
			Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: "define domain", Subject: "host kvm2", Text: "no core left", Source: sdk.SourceProvider,
		}).Err()
	case "bare-refusal":
		return nil, status.Error(codes.ResourceExhausted, "quota")
	case "stateless":
		in.State = pb.InstanceState(77)
	case "swap":
		in.Owner = &pb.Owner{Broker: "b1", Allocation: "a1", Key: "other", Request: "r1"}
	}
	return in, nil
}

func machine(id string, o *pb.Owner) *pb.Instance {
	return &pb.Instance{
		Id: id, Owner: o, Name: "web1", State: pb.InstanceState_INSTANCE_STATE_RUNNING,
		Addresses: []*pb.Address{{Ip: "10.0.0.1"}, {Ip: "evil\x1b[2J"}, {Ip: "2001:db8::1", Public: true}},
	}
}

func owner(key string) *pb.Owner {
	return &pb.Owner{Broker: "b1", Allocation: "a1", Key: key, Request: "r1"}
}

// Get behaves as the provider's name says.
func (r *rogue) Get(_ context.Context, req *pb.GetRequest) (*pb.Instance, error) {
	disaster(req.GetProvider())
	switch req.GetProvider() {
	case "swap":
		return machine("vm-2", owner("other")), nil
	case "absent":
		return nil, sdk.ToStatus(sdk.Errorf(sdk.NotFound, "no such domain")).Err()
	case "gone":
		in := machine("vm-1", owner("k1"))
		in.State = pb.InstanceState_INSTANCE_STATE_GONE
		return in, nil
	}
	return machine("vm-1", owner("k1")), nil
}

// List sends machines of ours, of others, and some that are none.
func (r *rogue) List(req *pb.ListRequest, out grpc.ServerStreamingServer[pb.Instance]) error {
	disaster(req.GetProvider())
	machines := []*pb.Instance{machine("vm-1", owner("k1")), machine("vm-2", owner("k2"))}
	if req.GetProvider() == "liar" {
		stranger := owner("k3")
		stranger.Broker = "b2"
		machines = append(machines, machine("vm-1", owner("k1")), machine("vm-3", stranger), machine("", owner("k4")), machine("vm-5", nil))
	}
	for _, m := range machines {
		if err := out.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// Delete succeeds, unless something happens.
func (r *rogue) Delete(_ context.Context, req *pb.DeleteRequest) (*pb.DeleteResponse, error) {
	disaster(req.GetProvider())
	return &pb.DeleteResponse{}, nil
}

// Watch sends creating, running, gone; or waits after the first.
func (r *rogue) Watch(req *pb.GetRequest, out grpc.ServerStreamingServer[pb.Instance]) error {
	for _, state := range []pb.InstanceState{1, 2, 8} {
		in := machine("vm-1", owner("k1"))
		in.State = state
		if err := out.Send(in); err != nil {
			return err
		}
		if req.GetProvider() == "patient" {
			<-out.Context().Done()
			return out.Context().Err()
		}
	}
	return nil
}

// SetPower answers with the state that was asked for.
func (r *rogue) SetPower(_ context.Context, req *pb.SetPowerRequest) (*pb.Instance, error) {
	disaster(req.GetProvider())
	in := machine(req.GetId(), owner("k1"))
	in.Message = req.GetAction().String()
	return in, nil
}

// Open echoes in upper case.
func (r *rogue) Open(stream grpc.BidiStreamingServer[pb.ConsoleRequest, pb.ConsoleResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetProvider() == "taken" {
		return sdk.ToStatus(sdk.Errorf(sdk.Busy, "the console is in use")).Err()
	}
	for {
		req, err := stream.Recv()
		if err != nil {
			return nil
		}
		if err := stream.Send(&pb.ConsoleResponse{Data: []byte(strings.ToUpper(string(req.GetData())))}); err != nil {
			return err
		}
	}
}
