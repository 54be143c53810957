package sdk_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// BenchmarkOffer asks for an answer of 4 KB as a value and over a unix socket in
// turn, and reports the medians and what the contract adds to a call.
func BenchmarkOffer(b *testing.B) {
	answer := &pb.OfferResponse{}
	for proto.Size(answer) < 4000 {
		answer.Offers = append(answer.Offers, &pb.Offer{
			Id: "zone-a/c2-m4", Region: "memory", Zone: "zone-a", Shape: "c2-m4", Vcpus: 2, MemoryMib: 4096, Arch: "x86_64",
			PriceListRevision: "0123456789abcdef", Facts: map[string]string{"accelerator": "kvm"},
			Quantities: []*pb.Quantity{{Sku: "core", Amount: "2", Divisor: 2, Text: "2 threads"}, {Sku: "memory", Amount: "4096", Divisor: 1024}},
		})
	}
	value := &probe{closed: make(chan struct{}), offer: func(send func(*pb.OfferResponse) error) error { return send(answer) }}
	s := sdk.NewServer(sdk.Definition[probeConfig, *probe]{
		Name: "probe", Version: "1", Summary: "x",
		Open: func(context.Context, string, *probeConfig, *slog.Logger) (*probe, error) { return value, nil },
	}, slog.New(slog.DiscardHandler))
	dir, err := os.MkdirTemp("", "sdk")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer(sdk.ServerOptions()...)
	s.Register(server)
	go func() { _ = server.Serve(l) }()
	b.Cleanup(server.Stop)
	c := sdktest.Dial(b, l.Addr().String())
	if _, err := c.Configure(b.Context(), &pb.ConfigureRequest{Provider: "p1", ConfigJson: "{}"}); err != nil {
		b.Fatal(err)
	}
	ask := func(p sdk.Compute) time.Duration {
		start := time.Now()
		n := 0
		err := p.Offer(b.Context(), offerRequest(), func(r *pb.OfferResponse) error { n += len(r.GetOffers()); return nil })
		if err != nil || n != len(answer.GetOffers()) {
			b.Fatalf("%d offers, error %v", n, err)
		}
		return time.Since(start)
	}
	remote := c.Provider("p1")
	var direct, over []time.Duration
	for b.Loop() {
		direct = append(direct, ask(value))
		over = append(over, ask(remote))
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Nanoseconds()) / 1000
	}
	b.ReportMetric(median(direct), "direct-µs")
	b.ReportMetric(median(over), "contract-µs")
	b.ReportMetric(median(over)-median(direct), "extra-µs")
}
