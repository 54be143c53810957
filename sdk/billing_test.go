package sdk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Whatever rules prices have and share, they come back as they were, and quotes
// by them are the same.
func TestRandomPriceListsCrossTheWire(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		sent := &pricing.List{Revision: "r", Source: "s", AsOf: time.Unix(1e9, 0).UTC()}
		rules := make([]*pricing.Billing, 1+r.IntN(4))
		for i := range rules[1:] {
			b := &pricing.Billing{IncrementSeconds: []int64{0, 1, 60, 3600}[r.IntN(4)], MinimumSeconds: r.Int64N(2) * 60, Spot: r.IntN(2) == 0}
			if r.IntN(2) == 0 {
				b.CapHours = 1 + r.Int64N(730)
			} else if r.IntN(2) == 0 {
				b.Tiers = []pricing.Tier{{UpToPercent: 25, Factor: "1"}, {UpToPercent: 100, Factor: "0.8678"}}
			}
			b.Stopped = []pricing.Stopped{"", pricing.StoppedBilled, pricing.StoppedFree}[r.IntN(3)]
			rules[i+1] = b
		}
		var quantities []pricing.Quantity
		for i := range 1 + r.IntN(30) {
			p := pricing.Price{
				SKU: fmt.Sprint("sku", i), Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: euro(t, fmt.Sprint(1000-i)),
				Family: []string{"", "n2"}[r.IntN(2)], Confidence: []string{"", "low", "medium", "high"}[r.IntN(4)],
				Source: []string{"", "a", "b"}[r.IntN(3)], Billing: rules[r.IntN(len(rules))],
			}
			if r.IntN(3) == 0 {
				p.AsOf = time.Unix(r.Int64N(3), 0).UTC()
			}
			if i > 0 && r.IntN(3) == 0 && p.Billing != nil && p.Billing.Spot {
				own := *p.Billing
				own.SpotOf = "sku0"
				p.Billing = &own
			}
			sent.Prices = append(sent.Prices, p)
			quantities = append(quantities, pricing.Quantity{SKU: p.SKU, Amount: "3", Divisor: 7})
		}
		got := overWire(t, sent)
		if d := cmp.Diff(sent, got, sameMoney); d != "" {
			t.Fatalf("sent -, got +\n%s", d)
		}
		before, err := sent.Quote(quantities, 2000)
		after, err2 := got.Quote(quantities, 2000)
		if d := cmp.Diff(before, after, sameMoney); d != "" || err != nil || err2 != nil {
			t.Fatalf("%v, %v: quoted before -, after +\n%s", err, err2, d)
		}
	}
}

// Rules and sources are sent once, so that a large list fits into a message.
func TestRulesAreSharedOnTheWire(t *testing.T) {
	l := &pricing.List{Revision: "r", Source: "s", AsOf: time.Unix(1e9, 0)}
	for i := range 60_000 {
		// Equal rules, each in a Billing of its own.
		b := &pricing.Billing{
			IncrementSeconds: 1, MinimumSeconds: 60, Stopped: pricing.StoppedFree, AsOf: l.AsOf,
			Source: "https://cloud.example.com/compute/disks-image-pricing/very/long/address",
			Tiers:  []pricing.Tier{{UpToPercent: 25, Factor: "1"}, {UpToPercent: 100, Factor: "0.8"}},
		}
		p := pricing.Price{
			SKU: fmt.Sprintf("n2-core-%d@us-central1", i), Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: euro(t, "0.031611"),
			Text: "N2 instance core running in Iowa", Family: "n2", Confidence: "high", Billing: b, AsOf: l.AsOf, Source: b.Source,
		}
		if i%2 == 1 {
			b.Spot, b.SpotOf, b.Tiers = true, l.Prices[i-1].SKU, nil
		}
		l.Prices = append(l.Prices, p)
	}
	w := PriceListToPB(l)
	if len(w.GetBillings()) != 2 || len(w.GetSources()) != 1 {
		t.Errorf("%d billing rules and %d sources: want 2 and 1", len(w.GetBillings()), len(w.GetSources()))
	}
	if size := proto.Size(w); size > MaxMessageBytes/2 {
		t.Errorf("%d bytes: want room in a message of %d", size, MaxMessageBytes)
	}
	got, err := PriceListFromPB(w)
	if err != nil {
		t.Fatal(err)
	}
	if got.Prices[0].Billing != got.Prices[2].Billing {
		t.Error("equal rules are kept twice")
	}
	if b := got.Prices[3].Billing; b.SpotOf != "n2-core-2@us-central1" || b.MinimumSeconds != 60 {
		t.Errorf("spot is billed as %+v", b)
	}
}

func TestWrongBillingIsRefused(t *testing.T) {
	for _, tt := range []struct {
		want  string
		spoil func(*pb.PriceList)
	}{
		{"billing 9, and the list has 3", func(l *pb.PriceList) { l.Prices[0].Billing = 9 }},
		{"billing 4294967295", func(l *pb.PriceList) { l.Prices[0].Billing = math.MaxUint32 }},
		{"source 3, and the list has 2", func(l *pb.PriceList) { l.Prices[0].Source = 3 }},
		{"source 4294967295", func(l *pb.PriceList) { l.Prices[0].Source = math.MaxUint32 }},
		{"increment_seconds -1", func(l *pb.PriceList) { l.Billings[0].IncrementSeconds = -1 }},
		{"increment_seconds 9223372036854775807", func(l *pb.PriceList) { l.Billings[0].IncrementSeconds = math.MaxInt64 }},
		{"minimum_seconds -9223372036854775808", func(l *pb.PriceList) { l.Billings[0].MinimumSeconds = math.MinInt64 }},
		{"cap_hours 731", func(l *pb.PriceList) { l.Billings[1].CapHours = 731 }},
		{"a cap and tiers", func(l *pb.PriceList) { l.Billings[0].CapHours = 1 }},
		{"tier 1 up to -1 percent", func(l *pb.PriceList) { l.Billings[0].Tiers[0].UpToPercent = -1 }},
		{"factor", func(l *pb.PriceList) { l.Billings[0].Tiers[0].Factor = "NaN" }},
		{"factor", func(l *pb.PriceList) { l.Billings[0].Tiers[0].Factor = "1.1" }},
		{"factor", func(l *pb.PriceList) { l.Billings[0].Tiers[0].Factor = strings.Repeat("0", 1<<20) }},
		{"tier 1", func(l *pb.PriceList) { l.Billings[0].Tiers[0] = nil }},
		{"101 tiers: at most 100", func(l *pb.PriceList) { l.Billings[0].Tiers = make([]*pb.Tier, 101) }},
		{"without spot", func(l *pb.PriceList) { l.Prices[0].Billing = 0 }},
		{"without spot", func(l *pb.PriceList) { l.Billings[0].Spot = false }},
		{"which is not in the list", func(l *pb.PriceList) { l.Prices[0].SpotOf = "else" }},
		{"above", func(l *pb.PriceList) { l.Prices[0].Amount = "1.01" }},
		{"want another one of the list", func(l *pb.PriceList) { l.Prices[0].Includes[0].Sku = "else" }},
		{"itself includes others", func(l *pb.PriceList) { l.Prices[0].Includes[0].Sku = "capped" }},
		{"positive decimal", func(l *pb.PriceList) { l.Prices[0].Includes[0].Amount = "-1" }},
		{"positive decimal", func(l *pb.PriceList) { l.Prices[0].Includes[0].Amount = "1e9999" }},
		{"each other SKU once", func(l *pb.PriceList) { l.Prices[0].Includes[0].Sku = "" }},
		{"includes 65 others: at most 64", func(l *pb.PriceList) { l.Prices[0].Includes = make([]*pb.Inclusion, 65) }},
		{"and 200000 in a list", func(l *pb.PriceList) {
			full := proto.CloneOf(l.Prices[0])
			full.Includes = nil
			for i := range MaxIncludes {
				full.Includes = append(full.Includes, &pb.Inclusion{Sku: fmt.Sprint(i), Amount: "1"})
			}
			for range maxInclusions / MaxIncludes {
				l.Prices = append(l.Prices, full)
			}
		}},
		{"rules for time on what is paid once", func(l *pb.PriceList) { l.Prices[1].Unit = pb.Unit_UNIT_GIB }},
		{"billing rules: at most 10000", func(l *pb.PriceList) { l.Billings = make([]*pb.Billing, MaxBillings+1) }},
		{"sources: at most 10000", func(l *pb.PriceList) { l.Sources = make([]*pb.PriceSource, MaxPriceSources+1) }},
		{"billing 1: ", func(l *pb.PriceList) {
			// Faults of shared rules are not counted for every price.
			l.Billings[0].IncrementSeconds = -1
			for range 100_000 {
				l.Prices = append(l.Prices, l.Prices[0])
			}
		}},
	} {
		l := PriceListToPB(wholeList(t))
		tt.spoil(l)
		_, err := PriceListFromPB(l)
		if KindOf(err) != Internal || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > MaxTextBytes+100 {
			t.Errorf("want %q: %.300v", tt.want, err)
		}
	}
}

// What a newer plugin says, or says in characters that nobody should see, is
// taken for what can be taken for it.
func TestOddBillingIsRead(t *testing.T) {
	w := PriceListToPB(wholeList(t))
	w.Billings[0].Stopped, w.Prices[0].Confidence = 99, 99
	w.Billings[0].Source, w.Sources[0].Source, w.Prices[0].Family = "a\x1b[2Jb", strings.Repeat("x", 1<<20), "n\u202e2"
	w.Billings[0].AsOf = &timestamppb.Timestamp{Seconds: math.MaxInt64}
	got, err := PriceListFromPB(w)
	if err != nil {
		t.Fatal(err)
	}
	p := got.Prices[0]
	if p.Billing.Stopped != pricing.StoppedUnknown || p.Confidence != "" || !p.Billing.AsOf.IsZero() {
		t.Errorf("%q, %q, %s: want what is not known", p.Billing.Stopped, p.Confidence, p.Billing.AsOf)
	}
	if p.Billing.Source != "a[2Jb" || p.Family != "n2" || len(p.Source) != MaxTextBytes {
		t.Errorf("%q, %q, %d bytes: want clean texts", p.Billing.Source, p.Family, len(p.Source))
	}
}
