package market_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
)

func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// madeUp are rates for tests: nobody's.
func madeUp(t testing.TB) *pricing.Rates {
	t.Helper()
	r, err := pricing.NewRates("EUR", noon(), "made up", map[string]string{"USD": "1.25"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fee(name, percent string, stage pricing.Stage) pricing.Rule {
	return pricing.Rule{Name: name, Stage: stage, Percent: percent}
}

// Rules of the provider and of the operator apply by their stages; each is a line
// of its own, and each scope is for whom it is.
func TestQuotesUnderTerms(t *testing.T) {
	list, err := prices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answers := []core.Answer{{Provider: "p", Offers: []core.Offer{offerOf("p")}, Prices: list}, {Provider: "q", Offers: []core.Offer{offerOf("q")}, Prices: list}}
	how := hour()
	how.Horizon = 100
	how.Terms = map[string]pricing.Terms{
		"":  {Rules: []pricing.Rule{fee("ours", "10", pricing.StageOperatorFee)}, TaxNote: "excluding VAT"},
		"p": {Rules: []pricing.Rule{fee("theirs", "50", pricing.StageProviderFee), fee("half", "50", pricing.StageDiscount)}, TaxNote: "reverse charge"},
		"r": {Rules: []pricing.Rule{fee("nobody's", "100", pricing.StageProviderFee)}},
	}
	quotes, reasons := market.Quotes(answers, how)
	if len(quotes) != 2 || len(reasons) != 0 {
		t.Fatalf("%+v, %+v", quotes, reasons)
	}
	for i, want := range []string{
		"1 -0.5 half 0.25 theirs 0.075 ours 0 reverse charge; excluding VAT = 0.825 EUR",
		"1 0.1 ours 0 excluding VAT = 1.1 EUR",
	} {
		var got []string
		for _, l := range quotes[i].Price.Lines {
			got = append(got, strings.TrimSpace(l.Total.Amount()+" "+l.Text))
		}
		if text := strings.Join(got, " ") + " = " + quotes[i].Price.Total.String(); text != want {
			t.Errorf("quote %d is %s, want %s", i, text, want)
		}
	}
}

// Rules that cannot apply leave their offers without a price, and no others.
func TestQuotesUnderTermsThatDoNotFit(t *testing.T) {
	list, err := prices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answers := []core.Answer{{Provider: "p", Offers: []core.Offer{offerOf("p")}, Prices: list}, {Provider: "q", Offers: []core.Offer{offerOf("q")}, Prices: list}}
	above, err := pricing.NewMoney("0.02", "EUR")
	if err != nil {
		t.Fatal(err)
	}
	how := hour()
	how.Terms = map[string]pricing.Terms{"p": {Rules: []pricing.Rule{{Name: "old contract", Stage: pricing.StageContract, Contract: above}}}}
	quotes, reasons := market.Quotes(answers, how)
	if len(quotes) != 1 || quotes[0].Provider != "q" || len(reasons) != 1 || !strings.Contains(reasons[0].Text, "old contract") {
		t.Errorf("%+v, %+v", quotes, reasons)
	}
}

func TestQuotesAreShownInACurrency(t *testing.T) {
	list, err := prices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	francs := *list
	francs.Prices = []pricing.Price{list.Prices[0]}
	if francs.Prices[0].Amount, err = pricing.NewMoney("5", "XAF"); err != nil {
		t.Fatal(err)
	}
	answers := []core.Answer{{Provider: "p", Offers: []core.Offer{offerOf("p")}, Prices: list}, {Provider: "q", Offers: []core.Offer{offerOf("q")}, Prices: &francs}}
	for _, c := range []struct{ currency, want string }{
		{"", "0.01 EUR 5 XAF"}, {"EUR", "0.01 EUR 5 XAF"}, {"USD", "0.0125 USD 5 XAF"}, {"XAF", "0.01 EUR 5 XAF"},
	} {
		how := hour()
		how.Rates, how.Currency = madeUp(t), c.currency
		quotes, _ := market.Quotes(answers, how)
		if got := quotes[0].Price.Total.String() + " " + quotes[1].Price.Total.String(); got != c.want {
			t.Errorf("in %q: %s, want %s", c.currency, got, c.want)
		}
		if native := quotes[0].Price.Native().String(); native != "0.01 EUR" {
			t.Errorf("in %q: native %s", c.currency, native)
		}
	}
}

// One offer of a long list is priced as many are.
func TestQuotesOfALongList(t *testing.T) {
	answers := manyOffers(t, 100, 1)
	one := answers[0]
	one.Offers = one.Offers[:1]
	many, _ := market.Quotes(answers, hour())
	few, _ := market.Quotes([]core.Answer{one}, hour())
	if len(many) != 100 || len(few) != 1 || many[0].Price.Total.String() != few[0].Price.Total.String() {
		t.Errorf("%d and %d quotes", len(many), len(few))
	}
}

// manyOffers are answers of several providers with offers of four components.
func manyOffers(t testing.TB, offers, providers int) []core.Answer {
	t.Helper()
	rng := rand.New(rand.NewPCG(21, 22))
	answers := make([]core.Answer, providers)
	for i := range answers {
		l := &pricing.List{Revision: "r1", Source: "made up", AsOf: noon()}
		for region := range 30 {
			for _, p := range []pricing.Price{
				{SKU: "core", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: amount(fmt.Sprintf("0.0%05d", 1+rng.IntN(60000)))},
				{SKU: "ram", Kind: pricing.KindMemory, Unit: pricing.UnitGiBHour, Amount: amount(fmt.Sprintf("0.00%04d", 1+rng.IntN(8000)))},
				{SKU: "disk", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: amount(fmt.Sprintf("0.%03d", 1+rng.IntN(200)))},
				{SKU: "ip", Kind: pricing.KindAddress, Unit: pricing.UnitHour, Amount: amount(fmt.Sprintf("0.00%04d", 1+rng.IntN(6000)))},
			} {
				p.SKU += "@" + strconv.Itoa(region)
				l.Prices = append(l.Prices, p)
			}
		}
		a := core.Answer{Provider: "p" + strconv.Itoa(i), Prices: l}
		for j := range offers / providers {
			at := "@" + strconv.Itoa(rng.IntN(30))
			o := offerOf(a.Provider)
			o.ID, o.Quantities = strconv.Itoa(j), []pricing.Quantity{
				{SKU: "core" + at, Amount: strconv.Itoa(1 + rng.IntN(64))},
				{SKU: "ram" + at, Amount: strconv.Itoa(1 + rng.IntN(256))},
				{SKU: "disk" + at, Amount: strconv.Itoa(10 + rng.IntN(500))},
				{SKU: "ip" + at, Amount: "1"},
			}
			a.Offers = append(a.Offers, o)
		}
		answers[i] = a
	}
	return answers
}

// BenchmarkQuotes prices 60,000 offers of four components, as they come, under a
// fee of the operator's, and shown in another currency.
func BenchmarkQuotes(b *testing.B) {
	answers := manyOffers(b, 60_000, 6)
	for _, c := range []struct {
		name   string
		change func(*market.Pricing)
	}{
		{"native", func(*market.Pricing) {}},
		{"with a fee", func(p *market.Pricing) {
			p.Terms = map[string]pricing.Terms{"": {Rules: []pricing.Rule{fee("ours", "7", pricing.StageOperatorFee)}}}
		}},
		{"converted", func(p *market.Pricing) { p.Rates, p.Currency = madeUp(b), "USD" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			how := hour()
			how.Horizon = pricing.Month
			c.change(&how)
			for b.Loop() {
				if quotes, reasons := market.Quotes(answers, how); len(quotes) != 60_000 || len(reasons) != 0 {
					b.Fatal(len(quotes), reasons[:1])
				}
			}
		})
	}
}
