package place_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// madeUp are rates for tests: nobody's.
func madeUp(t testing.TB) *pricing.Rates {
	t.Helper()
	r, err := pricing.NewRates("EUR", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), "made up", map[string]string{"USD": "1.1133", "GBP": "0.87", "JPY": "163.21"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// shownIn converts what can be converted.
func shownIn(t testing.TB, rates *pricing.Rates, quotes []core.Quote, code string) []core.Quote {
	t.Helper()
	out := slices.Clone(quotes)
	for i := range out {
		if converted, err := rates.Convert(out[i].Price, code); err == nil {
			out[i].Price = converted
		}
	}
	return out
}

// The order is that of the exact worth, and the same whatever currency is shown
// and in whatever order the quotes came.
func TestOrderDoesNotDependOnTheCurrencyShown(t *testing.T) {
	rng, rates := rand.New(rand.NewPCG(17, 18)), madeUp(t)
	var quotes []core.Quote
	for i := range 400 {
		// Many that are worth nearly, or exactly, the same; a few without a rate.
		k := rng.IntN(8)
		amount := []string{"1.1133", "1", "0.87", "163.21", "1.11330000000000001", "0.99999999999999999", "2", "163.210000000000001"}[k]
		code := []string{"USD", "EUR", "GBP", "JPY", "USD", "EUR", "XAF", "JPY"}[k]
		q := quote(t, fmt.Sprint("q", i), fmt.Sprint("p", rng.IntN(3)), fmt.Sprint("z", rng.IntN(3)), amount, code)
		if rng.IntN(4) == 0 {
			q.QuoteOnly = "no credentials for it"
		}
		quotes = append(quotes, q)
	}
	first := place.Rank(quotes, place.Policy{Rates: rates})
	if len(first.Quotes)+len(first.Left) != len(quotes) || len(first.Left) == 0 || !first.Compared {
		t.Fatalf("%d ranked, %d left out, compared %v", len(first.Quotes), len(first.Left), first.Compared)
	}
	for i := 1; i < len(first.Quotes); i++ {
		if c, err := rates.Compare(first.Quotes[i-1].Price.Total, first.Quotes[i].Price.Total); err != nil || c > 0 {
			t.Fatalf("%s comes before %s: %v", first.Quotes[i-1].Price.Total, first.Quotes[i].Price.Total, err)
		}
	}
	for _, r := range first.Left {
		if r.Field != "currency" || r.Have != "XAF" || !strings.Contains(r.Text, "2026-11-20 (made up)") {
			t.Fatalf("left out for %+v", r)
		}
	}
	for _, code := range append(rates.Currencies(), "XAF", "") {
		for range 5 {
			shown := shownIn(t, rates, quotes, code)
			rng.Shuffle(len(shown), func(i, j int) { shown[i], shown[j] = shown[j], shown[i] })
			got := place.Rank(shown, place.Policy{Currency: code, Rates: rates})
			if ids(got.Quotes) != ids(first.Quotes) || !slices.Equal(got.Left, first.Left) {
				t.Fatalf("shown in %q, the order is another", code)
			}
		}
	}
}

func TestNoRateIsNeededWithinOneCurrency(t *testing.T) {
	quotes := []core.Quote{quote(t, "a", "p", "z", "2", "XAF"), quote(t, "b", "p", "z", "1", "XAF"), quote(t, "c", "q", "z", "1", "EUR")}
	for _, rates := range []*pricing.Rates{nil, madeUp(t)} {
		r := place.Rank(quotes, place.Policy{Provider: "p", Rates: rates, Currency: "USD"})
		if ids(r.Quotes) != "b a" || r.Compared || r.Currency != "USD" {
			t.Errorf("ranked %q, to be shown in %s", ids(r.Quotes), r.Currency)
		}
	}
}

func TestCurrencyShown(t *testing.T) {
	eur, usd, more, xaf := quote(t, "a", "p", "z", "2", "EUR"), quote(t, "b", "p", "z", "1", "USD"), quote(t, "c", "p", "z", "3", "USD"), quote(t, "d", "p", "z", "3", "XAF")
	for _, c := range []struct {
		name   string
		quotes []core.Quote
		asked  string
		want   string
		order  string
	}{
		{"asked for", []core.Quote{eur, usd}, "GBP", "GBP", "b a"},
		{"all agree", []core.Quote{usd, more}, "", "USD", "b c"},
		{"the commonest", []core.Quote{eur, usd, more}, "", "USD", "b a c"},
		{"the commonest with a rate", []core.Quote{eur, xaf, xaf, xaf}, "", "EUR", "a"},
		{"a tie", []core.Quote{eur, usd}, "", "EUR", "b a"},
		{"nothing", nil, "", "", ""},
	} {
		r := place.Rank(c.quotes, place.Policy{Currency: c.asked, Rates: madeUp(t)})
		if r.Currency != c.want || ids(r.Quotes) != c.order {
			t.Errorf("%s: %q shown in %q, want %q in %q", c.name, ids(r.Quotes), r.Currency, c.order, c.want)
		}
	}
}

// A ceiling in another currency is compared by worth, to the last digit.
func TestCeilingInAnotherCurrency(t *testing.T) {
	quotes := []core.Quote{
		quote(t, "at", "p", "z1", "1.1133", "USD"), quote(t, "above", "p", "z2", "1.113300000000000001", "USD"), quote(t, "euro", "p", "z3", "1", "EUR"),
		quote(t, "franc", "p", "z4", "0.1", "XAF"),
	}
	for text, want := range map[string]string{"1EUR/h": "euro at", "730EUR/month": "euro at", "1.1133USD/h": "euro at", "0.999999EUR/h": "", "163.22JPY/h": "euro at above", "9XAF/h": ""} {
		ceiling, err := pricing.ParseCeiling(text)
		if err != nil {
			t.Fatal(err)
		}
		// Those of equal worth are ordered by zone.
		wants := strings.Fields(want)
		for _, shown := range []string{"EUR", "USD", "JPY"} {
			placement, left := place.Choose(shownIn(t, madeUp(t), quotes, shown), place.Policy{Ceiling: ceiling, Rates: madeUp(t)})
			got := strings.Fields(ids(placement.Quotes))
			slices.Sort(got)
			slices.Sort(wants)
			if !slices.Equal(got, wants) || len(left) != len(quotes)-len(wants) {
				t.Errorf("below %s: %v, want %v; left out %+v", text, got, wants, left)
			}
		}
	}
}

func TestQuoteOnlyIsRankedAndNeverPlaced(t *testing.T) {
	dry := quote(t, "dry", "gcp", "z1", "0.001", "EUR")
	dry.QuoteOnly = "no credentials for gcp"
	quotes := []core.Quote{quote(t, "a", "p", "z", "0.02", "EUR"), dry, quote(t, "b", "p", "z", "0.01", "EUR")}
	ranking := place.Rank(quotes, place.Policy{})
	if ids(ranking.Quotes) != "dry b a" || len(ranking.Left) != 0 {
		t.Errorf("ranked %q, left out %+v", ids(ranking.Quotes), ranking.Left)
	}
	placement, left := place.Choose(quotes, place.Policy{})
	if ids(placement.Quotes) != "b a" || placement.Why != "lowest total of 2 offers that can be bought; quote only before it: 1" {
		t.Errorf("placed %q: %s", ids(placement.Quotes), placement.Why)
	}
	if len(left) != 1 || left[0].Text != "quote only: no credentials for gcp" || left[0].Provider != "gcp" {
		t.Errorf("left out: %+v", left)
	}
	if placement, _ := place.Choose([]core.Quote{dry}, place.Policy{}); len(placement.Quotes) != 0 {
		t.Errorf("placed %q", ids(placement.Quotes))
	}
}

// BenchmarkRank orders 60,000 quotes, of one currency and of two.
func BenchmarkRank(b *testing.B) {
	rng, rates := rand.New(rand.NewPCG(19, 20)), madeUp(b)
	for _, codes := range [][]string{{"EUR"}, {"EUR", "USD"}} {
		quotes := make([]core.Quote, 60_000)
		for i := range quotes {
			quotes[i] = quote(b, fmt.Sprint("q", i), "p", "z", fmt.Sprintf("0.%06d", 1+rng.IntN(900_000)), codes[i%len(codes)])
		}
		b.Run(strings.Join(codes, " and "), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r := place.Rank(quotes, place.Policy{Rates: rates}); len(r.Quotes) != len(quotes) {
					b.Fatal(len(r.Quotes))
				}
			}
		})
	}
}
