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
	if d := cmp.Diff(sent, overWire(t, sent), sameMoney); d != "" {
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

func FuzzPriceListFromPB(f *testing.F) {
	f.Add([]byte{})
	whole, err := proto.Marshal(PriceListToPB(wholeList(f)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		var w pb.PriceList
		if proto.Unmarshal(data, &w) != nil {
			return
		}
		l, err := PriceListFromPB(&w)
		if (err == nil) == (l == nil) {
			t.Fatal("neither a list nor an error, or both")
		}
		if err != nil {
			return
		}
		if l.Check() != nil {
			t.Fatal("a wrong list was taken")
		}
		again, err := PriceListFromPB(PriceListToPB(l))
		if d := cmp.Diff(l, again, sameMoney); d != "" || err != nil {
			t.Fatalf("%v: a list that was taken does not come back:\n%s", err, d)
		}
	})
}
