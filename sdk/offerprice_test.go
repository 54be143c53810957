package sdk

import (
	"fmt"
	"testing"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

func TestSortOffers(t *testing.T) {
	offer := func(id, cores string, divisor uint32) *pb.Offer {
		return &pb.Offer{Id: id, Quantities: []*pb.Quantity{{Sku: "core", Amount: cores, Divisor: divisor}}}
	}
	offers := []*pb.Offer{offer("c", "1", 1), offer("b", "1", 3), offer("a", "2", 6), offer("d", "1", 4)}
	if err := SortOffers(testList(t), pricing.Month, offers); err != nil {
		t.Fatal(err)
	}
	var ids string
	for _, o := range offers {
		ids += o.GetId()
	}
	if ids != "dabc" {
		t.Errorf("order %s, want dabc", ids)
	}
	if err := SortOffers(testList(t), pricing.Month, []*pb.Offer{{Id: "x"}}); err == nil {
		t.Error("an offer without a price was sorted")
	}
}

// Rules turn the order around with the horizon, for a few offers and for many.
func TestSortOffersUnderRules(t *testing.T) {
	l := &pricing.List{Revision: "r", Source: "s", Prices: []pricing.Price{
		{SKU: "plan", Kind: pricing.KindCompute, Unit: pricing.UnitMonth, Amount: euro(t, "67.2"), Billing: &pricing.Billing{CapHours: 672}},
		{SKU: "exact", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: euro(t, "0.095")},
		{SKU: "sustained", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: euro(t, "0.12"), Billing: &pricing.Billing{
			Tiers: []pricing.Tier{{UpToPercent: 50, Factor: "1"}, {UpToPercent: 100, Factor: "0.1"}},
		}},
	}}
	for _, tt := range []struct {
		horizon pricing.Horizon
		want    []string
	}{
		{2, []string{"exact", "plan", "sustained"}},                 // 0.19, 0.2, 0.24
		{pricing.Month, []string{"sustained", "plan", "exact"}},     // 48.18, 67.2, 69.35
		{8760, []string{"sustained", "plan", "exact"}},              // 578.16, 806.4, 832.2
		{pricing.Month / 2, []string{"exact", "plan", "sustained"}}, // 34.675, 36.5, 43.8
	} {
		for _, each := range []int{1, 40} {
			var offers []*pb.Offer
			for n := range each {
				for _, sku := range []string{"sustained", "exact", "plan"} {
					offers = append(offers, &pb.Offer{Id: fmt.Sprintf("%s%02d", sku, each-n), Quantities: []*pb.Quantity{{Sku: sku, Amount: "1"}}})
				}
			}
			if err := SortOffers(l, tt.horizon, offers); err != nil {
				t.Fatal(err)
			}
			for i, o := range offers {
				if want := fmt.Sprintf("%s%02d", tt.want[i/each], i%each+1); o.GetId() != want {
					t.Errorf("%s, %d of each: %s is at place %d, want %s", tt.horizon, each, o.GetId(), i, want)
				}
			}
		}
	}
}

// What a shape includes is no reason to charge for it, in an order as in a quote.
func TestQuoteOfIncludes(t *testing.T) {
	l := &pricing.List{Revision: "r", Source: "s", Prices: []pricing.Price{
		{SKU: "plan", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: euro(t, "1"), Billing: &pricing.Billing{Includes: []pricing.Inclusion{{SKU: "disk", Amount: "25"}}}},
		{SKU: "disk", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: euro(t, "730")},
	}}
	q, err := QuoteOf(l, []*pb.Quantity{{Sku: "plan", Amount: "1"}, {Sku: "disk", Amount: "26"}}, 1)
	if err != nil || q.Total.String() != "2 EUR" {
		t.Errorf("%s, %v: want 2 EUR", q.Total, err)
	}
}

func BenchmarkSortOffers(b *testing.B) {
	for _, prices := range []int{10, 1000, 60_000} {
		l := &pricing.List{Revision: "r", Source: "s"}
		for i := range prices {
			l.Prices = append(l.Prices, pricing.Price{SKU: fmt.Sprint("sku", i), Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: euro(b, "0.031611")})
		}
		for _, n := range []int{4, 8, 16, 64, 1000} {
			var offers []*pb.Offer
			for i := range n {
				offers = append(offers, &pb.Offer{Id: fmt.Sprint(i), Quantities: []*pb.Quantity{
					{Sku: fmt.Sprint("sku", i*7%prices), Amount: "4"}, {Sku: fmt.Sprint("sku", prices/2), Amount: "16"},
				}})
			}
			b.Run(fmt.Sprintf("prices=%d/offers=%d", prices, n), func(b *testing.B) {
				for b.Loop() {
					if err := SortOffers(l, pricing.Month, offers); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
