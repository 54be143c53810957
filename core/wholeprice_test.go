package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

func listOf(t *testing.T, provider, amount, currency string) *pricing.List {
	t.Helper()
	m, err := pricing.NewMoney(amount, currency)
	if err != nil {
		t.Fatal(err)
	}
	return &pricing.List{Revision: "r-" + provider, Source: "test", Prices: []pricing.Price{{SKU: "x", Kind: pricing.KindDisk, Unit: pricing.UnitMonth, Amount: m}}}
}

func priced(t *testing.T, l *pricing.List) (pricing.Quote, []pricing.Quantity) {
	t.Helper()
	quantities := []pricing.Quantity{{SKU: "x", Amount: "1", Divisor: 3}}
	q, err := l.Quote(quantities, pricing.Month)
	if err != nil {
		t.Fatal(err)
	}
	return q, quantities
}

// The whole can be computed again from its parts and the rates that are recorded,
// whatever currency it is shown in; what was tampered with is noticed.
func TestWholePriceIsVerified(t *testing.T) {
	rates, err := pricing.NewRates("EUR", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), "made up", map[string]string{"USD": "1.1133", "JPY": "163.22"})
	if err != nil {
		t.Fatal(err)
	}
	for name, currencies := range map[string][3]string{
		"one currency": {"EUR", "EUR", ""}, "two": {"EUR", "USD", ""}, "shown in a third": {"USD", "EUR", "JPY"}, "shown in the other": {"EUR", "USD", "USD"},
	} {
		t.Run(name, func(t *testing.T) {
			lists := map[string]*pricing.List{"rack": listOf(t, "rack", "10", currencies[0]), "v1": listOf(t, "v1", "2", currencies[1]), "v2": listOf(t, "v2", "5", currencies[0])}
			find := func(provider, revision string) (*pricing.List, error) {
				if l := lists[provider]; l != nil && l.Revision == revision {
					return l, nil
				}
				return nil, fmt.Errorf("no list %s of %s", revision, provider)
			}
			price, quantities := priced(t, lists["rack"])
			machine := core.Quote{Offer: core.Offer{Provider: "rack", ListRevision: "r-rack", Quantities: quantities}, Price: price}
			choices := []core.VolumeChoice{{Name: "old", Provider: "v1", VolumeID: "old"}}
			for _, at := range []string{"v1", "v2"} {
				price, quantities := priced(t, lists[at])
				choices = append(choices, core.VolumeChoice{Name: "at-" + at, Provider: at, Quote: &core.VolumeQuote{
					Price: price, Offer: core.VolumeOffer{Provider: at, ListRevision: "r-" + at, Quantities: quantities},
				}})
			}
			whole, err := machine.WithVolumes(choices, rates)
			if err != nil {
				t.Fatal(err)
			}
			if currencies[2] != "" {
				if whole.Price, err = rates.Convert(whole.Price, currencies[2]); err != nil {
					t.Fatal(err)
				}
			}
			if err := whole.Verify(find); err != nil {
				t.Error(err)
			}
			if got := whole.MachinePrice().Total.String(); got != price.Total.String() {
				t.Errorf("the machine alone is %s, want %s", got, price.Total)
			}
			again, err := whole.WithVolumes(choices, rates)
			if err != nil || again.Price.Native().String() != whole.Price.Native().String() {
				t.Errorf("put together again: %s, %v, want %s", again.Price.Native(), err, whole.Price.Native())
			}
			lists["v2"] = listOf(t, "v2", "5.01", currencies[0])
			if err := whole.Verify(find); err == nil || !strings.Contains(err.Error(), "at-v2") {
				t.Errorf("another price of a volume: %v", err)
			}
		})
	}
}

func TestMachinePriceUndoesAConversion(t *testing.T) {
	rates, err := pricing.NewRates("EUR", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), "made up", map[string]string{"USD": "1.1133"})
	if err != nil {
		t.Fatal(err)
	}
	price, _ := priced(t, listOf(t, "rack", "10", "EUR"))
	shown, err := rates.Convert(price, "USD")
	if err != nil {
		t.Fatal(err)
	}
	got := core.Quote{Price: shown}.MachinePrice()
	if got.FX != nil || got.Total.String() != price.Total.String() || got.Lines[0].Total.String() != price.Lines[0].Total.String() || got.Lines[0].Native != nil {
		t.Errorf("%+v, want %+v", got, price)
	}
}
