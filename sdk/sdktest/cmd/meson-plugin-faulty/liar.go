package main

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// liar serves an honest server's services and spoils some of their answers, as
// the mode of the last Configure says:
//
//	stop, stop-create      the process stops itself (SIGSTOP) in Offer, Create
//	hang, hang-create      the call never ends, whatever its context says
//	hang-configure, hang-describe (an argument), die-configure
//	die, die-create        the process is killed in Offer, Create
//	ignore-drain           Drain never answers
//	price-negative, price-zero, price-nan, price-missing-currency, price-mixed,
//	price-unit, price-huge, billing-negative, billing-nowhere
//	                       the price list is wrong in that way
//	sku-unknown            offers use a SKU that the list lacks
//	fewer-vcpus, less-memory, other-arch, no-quantities, quantity-negative
//	                       offers that break the pledge or have no price
//	huge                   one answer of 64 MiB
//	endless                offers without end
//	reasons                eight million reasons in one answer, and again
//	control                control characters in every text
//	env                    the environment, as reasons
//	log-crash, log-flood, log-megabytes
//	                       as at start, during Offer
//	grandchild             leaves a grandchild during Offer
type liar struct {
	server *sdk.Server
	mode   atomic.Value
}

func (l *liar) is(modes ...string) bool {
	m, _ := l.mode.Load().(string)
	return slices.Contains(modes, m)
}

// lyingRegistrar puts the liar before the services that it spoils.
type lyingRegistrar struct {
	liar *liar
	to   grpc.ServiceRegistrar
}

func (r lyingRegistrar) RegisterService(desc *grpc.ServiceDesc, impl any) {
	switch honest := impl.(type) {
	case pb.PluginServer:
		impl = lyingPlugin{PluginServer: honest, liar: r.liar}
	case pb.ComputeServer:
		impl = lyingCompute{ComputeServer: honest, liar: r.liar}
	}
	r.to.RegisterService(desc, impl)
}

type lyingPlugin struct {
	pb.PluginServer
	*liar
}

func (p lyingPlugin) Describe(ctx context.Context, req *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	if startMode() == "hang-describe" {
		select {}
	}
	return p.PluginServer.Describe(ctx, req)
}

func (p lyingPlugin) Configure(ctx context.Context, req *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	var c struct {
		Mode string `json:"mode"`
	}
	_ = json.Unmarshal([]byte(req.GetConfigJson()), &c)
	p.mode.Store(c.Mode)
	switch c.Mode {
	case "hang-configure":
		select {}
	case "die-configure":
		die()
	}
	return p.PluginServer.Configure(ctx, req)
}

func (p lyingPlugin) Drain(ctx context.Context, req *pb.DrainRequest) (*pb.DrainResponse, error) {
	if p.is("ignore-drain") || startMode() == "ignore-drain" {
		select {}
	}
	return p.PluginServer.Drain(ctx, req)
}

func (p lyingPlugin) PriceList(ctx context.Context, req *pb.PriceListRequest) (*pb.PriceListResponse, error) {
	out, err := p.PluginServer.PriceList(ctx, req)
	if err != nil {
		return nil, err
	}
	first := out.GetList().GetPrices()[0]
	switch {
	case p.is("price-negative"):
		first.Amount = "-" + first.Amount
	case p.is("price-zero"):
		first.Amount = "0"
	case p.is("price-nan"):
		first.Amount = "NaN"
	case p.is("price-missing-currency"):
		first.Currency = ""
	case p.is("price-mixed"):
		first.Currency = "USD"
	case p.is("price-unit"):
		first.Unit = 99
	case p.is("price-huge"):
		first.Amount = "1e999999999"
	case p.is("billing-negative"):
		out.GetList().Billings = []*pb.Billing{{MinimumSeconds: -3600}}
		first.Billing = 1
	case p.is("billing-nowhere"):
		first.Billing = 1 << 31
	}
	return out, nil
}

type lyingCompute struct {
	pb.ComputeServer
	*liar
}

func (c lyingCompute) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	switch {
	case c.is("stop-create"):
		stop()
	case c.is("hang-create"):
		select {}
	case c.is("die-create"):
		die()
	}
	return c.ComputeServer.Create(ctx, req)
}

func (c lyingCompute) Offer(req *pb.OfferRequest, stream grpc.ServerStreamingServer[pb.OfferResponse]) error {
	switch {
	case c.is("stop"):
		stop()
	case c.is("hang"):
		select {}
	case c.is("die"):
		die()
	case c.is("log-crash"):
		_, _ = stderr.WriteString(crashLine)
	case c.is("log-flood"):
		go misbehaveAtStart("flood")
	case c.is("log-megabytes"):
		logMegabytes()
	case c.is("grandchild"):
		leaveGrandchild()
	case c.is("huge"):
		return stream.Send(&pb.OfferResponse{Offers: []*pb.Offer{{Id: "huge", Token: make([]byte, 64<<20)}}})
	case c.is("reasons"):
		return manyReasons(stream)
	case c.is("env"):
		answer := &pb.OfferResponse{}
		for _, e := range os.Environ() {
			name, value, _ := strings.Cut(e, "=")
			answer.Reasons = append(answer.Reasons, &pb.Reason{Candidate: "env", Field: name, Have: value, Text: e})
		}
		return stream.Send(answer)
	}
	return c.ComputeServer.Offer(req, spoiler{stream, c.liar})
}

func manyReasons(stream grpc.ServerStreamingServer[pb.OfferResponse]) error {
	reasons := make([]*pb.Reason, 8<<20)
	for i := range reasons {
		reasons[i] = &pb.Reason{}
	}
	for range 128 {
		if err := stream.Send(&pb.OfferResponse{Reasons: reasons}); err != nil {
			return err
		}
	}
	return nil
}

// spoiler changes the offers that pass through it.
type spoiler struct {
	grpc.ServerStreamingServer[pb.OfferResponse]
	liar *liar
}

func (s spoiler) Send(answer *pb.OfferResponse) error {
	for _, o := range answer.GetOffers() {
		s.spoil(o)
	}
	for s.liar.is("endless") {
		if err := s.ServerStreamingServer.Send(answer); err != nil {
			return err
		}
	}
	return s.ServerStreamingServer.Send(answer)
}

func (s spoiler) spoil(o *pb.Offer) {
	switch {
	case s.liar.is("sku-unknown"):
		o.Quantities = append(o.Quantities, &pb.Quantity{Sku: "no-such-sku", Amount: "1", Divisor: 1})
	case s.liar.is("fewer-vcpus"):
		o.Vcpus = 0
	case s.liar.is("less-memory"):
		o.MemoryMib /= 2
	case s.liar.is("other-arch"):
		o.Arch = "pdp11"
	case s.liar.is("no-quantities"):
		o.Quantities = nil
	case s.liar.is("quantity-negative"):
		first := proto.CloneOf(o.GetQuantities()[0])
		first.Amount = "-1"
		o.Quantities[0] = first
	case s.liar.is("control"):
		const nasty = "\x1b[2J\x1b]0;owned\x07\r\n\u202egnp.exe\x00"
		o.Shape, o.Region = nasty+o.GetShape(), nasty
		o.Facts = map[string]string{nasty: nasty}
		o.Quantities[0].Text = nasty
	}
}

// stop stops the process. The signal takes effect a moment after the call.
func stop() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	time.Sleep(100 * time.Millisecond)
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
