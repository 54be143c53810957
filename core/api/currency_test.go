package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// putRates puts rates of today.
func (w *world) putRates(usd string) {
	w.t.Helper()
	rates, err := pricing.NewRates("EUR", time.Now().UTC().Truncate(24*time.Hour), "made up "+usd, map[string]string{"USD": usd, "GBP": "0.87"})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.ledger.PutRates(w.t.Context(), rates); err != nil {
		w.t.Fatal(err)
	}
}

func order(quotes []core.Quote) string {
	var names []string
	for _, q := range quotes {
		names = append(names, q.Provider)
	}
	return strings.Join(names, " ")
}

// Quotes in several currencies are ordered by worth, shown in one, and bought at
// their native price whatever the rates do meanwhile.
func TestCurrencies(t *testing.T) {
	w := newWorld(t)
	w.add("euro", "mem", `"core_price":"0.02"`)
	w.add("dollar", "mem", `"core_price":"0.021","currency":"USD","memory_price":"0.0045"`)
	w.add("franc", "mem", `"core_price":"0.0001","currency":"XAF"`)
	w.putRates("1.25")
	for currency, shown := range map[string]string{"": "EUR", "USD": "USD", "GBP": "GBP"} {
		result := w.ask(api.OffersRequest{Policy: place.Policy{Currency: currency}})
		if order(result.Quotes) != "dollar euro" {
			t.Fatalf("in %q: %s", currency, order(result.Quotes))
		}
		for _, q := range result.Quotes {
			if q.Price.Currency != shown {
				t.Errorf("in %q: shown in %s", currency, q.Price.Currency)
			}
		}
		if result.Rates == nil || result.Rates.Source != "made up 1.25" {
			t.Errorf("in %q: rates %+v", currency, result.Rates)
		}
		if len(result.Reasons) != 1 || result.Reasons[0].Provider != "franc" || !strings.Contains(result.Reasons[0].Text, "XAF") || !strings.Contains(result.Reasons[0].Text, "made up 1.25") {
			t.Errorf("in %q: reasons %+v", currency, result.Reasons)
		}
	}
	if result := w.ask(api.OffersRequest{Policy: place.Policy{Provider: "euro"}}); result.Rates != nil || len(result.Warnings) != 0 {
		t.Errorf("one currency: rates %+v, warnings %q", result.Rates, result.Warnings)
	}

	shown := w.ask(api.OffersRequest{Policy: place.Policy{Currency: "GBP"}}).Quotes[0]
	w.putRates("1.1")
	a := w.mustDeploy(api.DeployRequest{OfferID: shown.ID})
	if p := a.Offer.Price; p.Currency != "GBP" || p.FX.FromRate != "1.1" || p.Native().String() != shown.Price.Native().String() || p.Total.String() == shown.Price.Total.String() {
		t.Errorf("shown %s of %s, bought %s of %s at %s", shown.Price.Total, shown.Price.Native(), p.Total, p.Native(), p.FX.FromRate)
	}
}

func TestCurrencyThatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.putRates("1.25")
	if q := w.ask(api.OffersRequest{Policy: place.Policy{Currency: "USD"}}).Quotes[0]; q.Price.Currency != "USD" {
		t.Errorf("shown in %s", q.Price.Currency)
	}
	if q := w.ask(api.OffersRequest{Policy: place.Policy{Currency: "EUR"}}).Quotes[0]; q.Price.Currency != "EUR" || q.Price.FX != nil {
		t.Errorf("shown in %s", q.Price.Currency)
	}
	result := w.ask(api.OffersRequest{Policy: place.Policy{Currency: "XAF"}})
	if q := result.Quotes[0]; q.Price.Currency != "EUR" || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "not all is shown in XAF") {
		t.Errorf("shown in %s, %q", q.Price.Currency, result.Warnings)
	}
}

// The built-in rates serve until others are put, and prices and rates that are old
// are used and warned of.
func TestStaleness(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.add("q", "mem", `"currency":"USD"`)
	rates, err := w.Rates(t.Context())
	if err != nil || !rates.Pinned || rates.Base != "EUR" || rates.Rates["USD"] == "" {
		t.Fatalf("%+v, %v", rates, err)
	}
	result := w.offers()
	if result.Rates == nil || result.Rates.Source != rates.Source || result.Oldest == nil || result.Oldest.Provider == "" {
		t.Fatalf("%+v, oldest %+v", result.Rates, result.Oldest)
	}
	w.later = (api.StaleListDays + 2) * 24 * time.Hour
	infos, err := w.PriceLists(t.Context(), "p")
	if err != nil || len(infos) != 1 || !infos[0].Stale || infos[0].AgeDays != api.StaleListDays+2 {
		t.Errorf("%+v, %v", infos, err)
	}
	// The plugin dates its list by its own clock, which is behind.
	warnings := strings.Join(w.offers().Warnings, "\n")
	for _, want := range []string{"prices of p are up to 32 days old", "prices of q are up to 32 days old", "meson prices refresh q", "the exchange rates are of " + rates.AsOf.Format(time.DateOnly), "built in"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("%q is not among the warnings:\n%s", want, warnings)
		}
	}
}
