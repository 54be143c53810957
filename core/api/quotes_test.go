package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// A quote that was shown comes out again from what the ledger keeps, to the last
// digit: under terms, converted, and read back as text.
func TestShownQuoteIsRecomputed(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", `"billing":{"increment_seconds":3600,"cap_hours":672,"includes":[{"sku":"disk","amount":"3"}]}`)
	w.putRates("1.1133")
	for scope, terms := range map[string]pricing.Terms{
		"": {Rules: []pricing.Rule{{Name: "fee", Stage: pricing.StageOperatorFee, Percent: "7"}}},
		"p": {Rules: []pricing.Rule{
			{Name: "contract", Stage: pricing.StageContract, Contract: money(t, "0.0137", "EUR"), Kinds: []pricing.Kind{pricing.KindCompute}},
			{Name: "partner", Stage: pricing.StageDiscount, Percent: "3.5", SKUs: []string{"memory"}, From: time.Now().Add(-time.Hour)},
			{Name: "voucher", Stage: pricing.StageRebate, Amount: money(t, "1", "EUR"), Unit: pricing.PerMonth},
		}, TaxNote: "excluding VAT"},
	} {
		if err := w.PutTerms(t.Context(), scope, terms); err != nil {
			t.Fatal(err)
		}
	}
	for _, currency := range []string{"", "USD", "GBP"} {
		shown := w.ask(api.OffersRequest{Horizon: 1000, Policy: place.Policy{Currency: currency}}).Quotes[0]
		// Other terms and rates, later, change nothing of it.
		later := w.later
		w.later = time.Hour
		info, err := w.Quote(t.Context(), shown.ID[:5])
		w.later = later
		if err != nil || info.ID != shown.ID || !info.Recomputed || !info.Expired {
			t.Fatalf("%+v, %v", info, err)
		}
		was, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		is, err := json.Marshal(info.Quote)
		if err != nil || string(was) != string(is) {
			t.Errorf("kept as %s, shown as %s, %v", is, was, err)
		}
		list, err := w.ledger.PriceList(t.Context(), "p", info.ListRevision)
		if err != nil {
			t.Fatal(err)
		}
		list.Prices[0].Amount = money(t, "0.0200000000001", "EUR")
		if err := info.Price.Verify(list, info.Quantities); err == nil {
			t.Error("by another list it is the same")
		}
	}
	_, err := w.Quote(t.Context(), "nothing0")
	refused(t, err, core.NotFound, "nothing0")
}

// What was bought comes out again years later, whatever was pruned and whatever
// prices, terms and rates there are then.
func TestBoughtQuoteIsRecomputedYearsLater(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.putRates("1.1133")
	terms := func(percent string) {
		t.Helper()
		if err := w.PutTerms(t.Context(), "", pricing.Terms{Rules: []pricing.Rule{{Name: "fee", Stage: pricing.StageOperatorFee, Percent: percent}}}); err != nil {
			t.Fatal(err)
		}
	}
	terms("7")
	a := w.mustDeploy(api.DeployRequest{Horizon: 100, Policy: place.Policy{Currency: "USD"}})
	terms("9")
	w.putRates("2")
	w.change("p", "mem", `"core_price":"0.03"`)
	w.offers()
	w.later = 3 * 365 * 24 * time.Hour
	if err := w.ledger.Prune(t.Context(), w.Now()); err != nil {
		t.Fatal(err)
	}
	attempts, err := w.ledger.Attempts(t.Context(), a.ID)
	if err != nil || len(attempts) != 1 {
		t.Fatal(attempts, err)
	}
	q := attempts[0].Quote
	list, err := w.ledger.PriceList(t.Context(), "p", q.ListRevision)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Price.Verify(list, q.Quantities); err != nil || q.Price.Currency != "USD" {
		t.Errorf("in %s: %v", q.Price.Currency, err)
	}
	// Cores, memory, disk: 2 + 0.2 + 10·0.05·100/730, a fee of 7 %, in dollars.
	if got := q.Price.Total.Round(20); got != "2.70229936438356164384" {
		t.Errorf("total %s", q.Price.Total)
	}
	info, err := w.Quote(t.Context(), q.ID)
	if err != nil || !info.Recomputed {
		t.Errorf("%+v, %v", info, err)
	}
}

// Who is cheaper depends on for how long: by the hour, a month that is capped is
// dear for two hours and cheap for thirty days.
func TestWinnerDependsOnTheHorizon(t *testing.T) {
	w := newWorld(t)
	w.add("hourly", "mem", `"core_price":"0.02"`)
	w.add("capped", "mem", `"core_price":"0.024","billing":{"increment_seconds":3600,"cap_hours":480,"source":"a test","as_of":"2026-11-01T00:00:00Z"}`)
	for _, c := range []struct{ horizon, want, first, second string }{
		{"2h", "hourly capped", "0.04", "0.048"},
		{"30d", "capped hourly", "11.52", "14.4"},
	} {
		h, err := pricing.ParseHorizon(c.horizon)
		if err != nil {
			t.Fatal(err)
		}
		result := w.ask(api.OffersRequest{Horizon: h})
		if order(result.Quotes) != c.want {
			t.Fatalf("for %s: %s, want %s", c.horizon, order(result.Quotes), c.want)
		}
		for i, want := range []string{c.first, c.second} {
			if got := result.Quotes[i].Price.Lines[0].Total.Amount(); got != want {
				t.Errorf("for %s: cores of %s cost %s, want %s", c.horizon, result.Quotes[i].Provider, got, want)
			}
		}
		if a := w.mustDeploy(api.DeployRequest{Horizon: h}); a.Offer.Provider+" " != c.want[:len(a.Offer.Provider)+1] {
			t.Errorf("for %s: bought of %s", c.horizon, a.Offer.Provider)
		}
	}
}
