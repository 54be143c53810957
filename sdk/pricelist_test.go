package sdk

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

func testList(t *testing.T) *pricing.List {
	t.Helper()
	price := func(sku string, kind pricing.Kind, unit pricing.Unit, amount string) pricing.Price {
		m, err := pricing.NewMoney(amount, "EUR")
		if err != nil {
			t.Fatal(err)
		}
		return pricing.Price{SKU: sku, Kind: kind, Unit: unit, Amount: m, Free: m.Sign() == 0, Text: "about " + sku}
	}
	return &pricing.List{Revision: "r1", Source: "https://example.com", AsOf: time.Unix(1e9, 0).UTC(), Prices: []pricing.Price{
		price("core", pricing.KindCompute, pricing.UnitHour, "0.031611"),
		price("mem", pricing.KindMemory, pricing.UnitGiBHour, "0.00423711"),
		price("gpu", pricing.KindAccelerator, pricing.UnitMonth, "730"),
		price("disk", pricing.KindDisk, pricing.UnitGiBMonth, "0.04"),
		price("ip", pricing.KindAddress, pricing.UnitMonth, "3"),
		price("egress", pricing.KindTraffic, pricing.UnitGiB, "0.01"),
		price("win", pricing.KindLicence, pricing.UnitHour, "0"),
		price("snap", pricing.KindSnapshot, pricing.UnitGiBMonth, "0.05"),
	}}
}

func TestPriceListCrossesTheWire(t *testing.T) {
	sent := testList(t)
	wire, err := proto.Marshal(PriceListToPB(sent))
	if err != nil {
		t.Fatal(err)
	}
	var received pb.PriceList
	if err := proto.Unmarshal(wire, &received); err != nil {
		t.Fatal(err)
	}
	got, err := PriceListFromPB(&received)
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b pricing.Money) bool { return a.String() == b.String() })
	if d := cmp.Diff(sent, got, same); d != "" {
		t.Errorf("sent -, got +\n%s", d)
	}
}

func TestWrongPriceListIsRefused(t *testing.T) {
	for _, tt := range []struct {
		want  string
		spoil func(*pb.PriceList)
	}{
		{"negative", func(l *pb.PriceList) { l.Prices[0].Amount = "-1" }},
		{"zero", func(l *pb.PriceList) { l.Prices[0].Amount = "0.00" }},
		{"amount", func(l *pb.PriceList) { l.Prices[0].Amount = "NaN" }},
		{"amount", func(l *pb.PriceList) { l.Prices[0].Amount = "1e99999999" }},
		{"amount", func(l *pb.PriceList) { l.Prices[0].Amount = "" }},
		{"currency", func(l *pb.PriceList) { l.Prices[0].Currency = "" }},
		{"USD", func(l *pb.PriceList) { l.Prices[0].Currency = "USD" }},
		{"unit", func(l *pb.PriceList) { l.Prices[0].Unit = 99 }},
		{"kind", func(l *pb.PriceList) { l.Prices[0].Kind = 0 }},
		{"revision", func(l *pb.PriceList) { l.Revision = "" }},
		{"twice", func(l *pb.PriceList) { l.Prices[0].Sku = "mem" }},
		{"at most", func(l *pb.PriceList) { l.Prices = make([]*pb.Price, MaxPrices+1) }},
	} {
		l := PriceListToPB(testList(t))
		tt.spoil(l)
		_, err := PriceListFromPB(l)
		if KindOf(err) != Internal || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > MaxTextBytes+100 {
			t.Errorf("%q: %v", tt.want, err)
		}
	}
	if _, err := PriceListFromPB(nil); KindOf(err) != Internal {
		t.Errorf("no list: %v", err)
	}
}

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

func FuzzPriceListFromPB(f *testing.F) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var w pb.PriceList
		if proto.Unmarshal(data, &w) != nil {
			return
		}
		l, err := PriceListFromPB(&w)
		if (err == nil) == (l == nil) {
			t.Fatal("neither a list nor an error, or both")
		}
		if err == nil && l.Check() != nil {
			t.Fatal("a wrong list was taken")
		}
	})
}
