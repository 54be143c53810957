package main

import (
	_ "embed"
	"fmt"
	"log"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/book"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

//go:embed testdata/prices.yaml
var priceBook []byte

// A cloud's plugin carries its prices in the binary: it quotes by them where
// nobody has credentials, or where the cloud has no list to ask for.
func Example_priceBook() {
	list, err := book.Load(priceBook, book.Options{NotAfter: time.Now()})
	if err != nil {
		log.Fatal(err) // every fault, each with its row
	}
	plan := []pricing.Quantity{{SKU: "plan-2c-4g", Amount: "1"}, {SKU: "disk", Amount: "100"}}
	for _, horizon := range []pricing.Horizon{720, 8760} {
		quote, err := list.Quote(plan, horizon)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(horizon, "costs", quote.Total)
		for _, line := range quote.Lines {
			fmt.Println("-", line.How())
		}
	}
	// Output:
	// 720h costs 15.44 EUR
	// - 1 × 14 EUR per month for 720 h, by started hours, of which 672 h count, at most 672 h a month, stopped too
	// - 80 × 0.073 EUR per gib-month, included
	// - 20 × 0.073 EUR per gib-month
	// 8760h costs 185.52 EUR
	// - 1 × 14 EUR per month for 8760 h, by started hours, of which 8064 h count, at most 672 h a month, stopped too
	// - 80 × 0.073 EUR per gib-month, included
	// - 20 × 0.073 EUR per gib-month
}

// The same rules, where an author writes prices in Go.
func TestRulesInGo(t *testing.T) {
	amount, err := pricing.NewMoney("14", "EUR")
	if err != nil {
		t.Fatal(err)
	}
	started := &pricing.Billing{IncrementSeconds: 3600, CapHours: 672, Stopped: pricing.StoppedBilled}
	list := &pricing.List{
		Revision: "2026-10-28", Source: "https://cloud.example.com/prices", AsOf: time.Date(2026, 10, 28, 0, 0, 0, 0, time.UTC),
		Prices: []pricing.Price{{SKU: "plan-2c-4g", Kind: pricing.KindCompute, Unit: pricing.UnitMonth, Amount: amount, Billing: started}},
	}
	if err := list.Check(); err != nil {
		t.Fatal(err)
	}
	back, err := sdk.PriceListFromPB(sdk.PriceListToPB(list))
	if err != nil || back.Prices[0].Billing.CapHours != 672 {
		t.Errorf("%+v, %v", back, err)
	}
}

// Without its directory the plugin still says what a machine would cost.
func TestQuoteOnly(t *testing.T) {
	dir := t.TempDir()
	for path, why := range map[string]string{dir: "", filepath.Join(dir, "none"): filepath.Join(dir, "none") + " is no directory"} {
		f, err := open(t.Context(), "f", &Config{Dir: path, CoreHour: "0.01", MemoryMiB: 1024}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		err = f.Offer(t.Context(), &pb.OfferRequest{Pledge: &pb.Pledge{Slots: 1, MemoryMib: 1024}}, func(r *pb.OfferResponse) error {
			if len(r.GetOffers()) != 1 || r.GetOffers()[0].GetQuoteOnly() != why {
				t.Errorf("%s: %v, want quote_only %q", path, r, why)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
