package render

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// plan is a provider's list: a capped plan that brings a disk, spot capacity,
// sustained use, traffic.
func plan(t *testing.T) *pricing.List {
	t.Helper()
	capped := &pricing.Billing{
		IncrementSeconds: 3600, CapHours: 672, Stopped: pricing.StoppedBilled, Source: "plans.html", AsOf: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		Includes: []pricing.Inclusion{{SKU: "disk", Amount: "25"}},
	}
	used := &pricing.Billing{IncrementSeconds: 1, MinimumSeconds: 60, Stopped: pricing.StoppedFree, Tiers: []pricing.Tier{{UpToPercent: 50, Factor: "1"}, {UpToPercent: 100, Factor: "0.6"}}}
	return &pricing.List{Revision: "r1", Source: "list.html", AsOf: time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC), Prices: []pricing.Price{
		{SKU: "plan", Kind: pricing.KindCompute, Unit: pricing.UnitMonth, Amount: eur(t, "3.00"), Family: "dev", Billing: capped},
		{SKU: "n2", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: eur(t, "0.04"), Family: "n2", Billing: used},
		{SKU: "n2-spot", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: eur(t, "0.01"), Billing: &pricing.Billing{Spot: true, SpotOf: "n2"}},
		{SKU: "disk", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: eur(t, "0.10")},
		{SKU: "traffic", Kind: pricing.KindTraffic, Unit: pricing.UnitGiB, Amount: eur(t, "0.02")},
	}}
}

func quoted(t *testing.T, horizon pricing.Horizon, rules []pricing.Rule, skus ...string) pricing.Quote {
	t.Helper()
	var quantities []pricing.Quantity
	for _, sku := range skus {
		sku, amount, _ := strings.Cut(sku, "=")
		quantities = append(quantities, pricing.Quantity{SKU: sku, Amount: amount})
	}
	q, err := plan(t).Quote(quantities, horizon)
	if err == nil && rules != nil {
		q, err = pricing.Adjust(q, rules, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "without VAT")
	}
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func arithmetic(q pricing.Quote) []string {
	var lines []string
	for i := range q.Lines {
		lines = append(lines, Item(&q.Lines[i])+": "+Arithmetic(&q, &q.Lines[i]))
	}
	return append(lines, Sums(&q)...)
}

func compare(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A capped plan by the hour: 745 h are a month and 15 h, exact to the last digit.
func TestArithmeticOfAPlan(t *testing.T) {
	compare(t, arithmetic(quoted(t, 745, nil, "plan=1", "disk=25", "traffic=10")),
		"plan: 1 × 3 EUR per month for 745 h, by started hours, of which 687 h count, at most 672 h a month, stopped too = "+
			"0.004464285714285714285714285714285714 EUR an hour, 3.066964285714285714285714285714286 EUR",
		"disk: 25 × 0.1 EUR per gib-month, included",
		"traffic: 10 × 0.02 EUR per gib = 0.2 EUR",
		"sum = 0.004464285714285714285714285714285714 EUR an hour, 3.266964285714285714285714285714286 EUR for 745 h")
}

// Every kind of rule is a line that says what it is of.
func TestArithmeticOfRules(t *testing.T) {
	rules := []pricing.Rule{
		{Name: "framework", Stage: pricing.StageContract, Contract: eur(t, "0.03"), SKUs: []string{"n2"}},
		{Name: "quantity", Stage: pricing.StageDiscount, Percent: "10", Families: []string{"n2"}},
		{Name: "goodwill", Stage: pricing.StageRebate, Amount: eur(t, "0.5"), Unit: pricing.Once, Kinds: []pricing.Kind{pricing.KindDisk}},
		{Name: "support", Stage: pricing.StageProviderFee, Amount: eur(t, "7.30"), Unit: pricing.PerMonth},
		{Name: "broker fee", Stage: pricing.StageOperatorFee, Percent: "7"},
	}
	q := quoted(t, 100, rules, "n2=2", "disk=73")
	compare(t, arithmetic(q),
		"n2: 2 × 0.04 EUR per hour for 100 h, at least 60 s, sustained use, ×1 up to 50 % of a month, ×0.6 up to 100 % of a month, not while stopped = 0.08 EUR an hour, 8 EUR",
		"disk: 73 × 0.1 EUR per gib-month for 100 h = 0.01 EUR an hour, 1 EUR",
		"framework: n2: the difference to 2 × 0.03 EUR per hour for 100 h, at least 60 s, sustained use, ×1 up to 50 % of a month, ×0.6 up to 100 % of a month, not while stopped,"+
			" in place of the list's 0.04 EUR = -0.02 EUR an hour, -2 EUR",
		"quantity: less 10 % of 6 EUR (family n2) = -0.006 EUR an hour, -0.6 EUR",
		"goodwill: less 0.5 EUR once, at most what it is taken off (kind disk) = -0.5 EUR",
		"support: 7.3 EUR per month for 100 h = 0.01 EUR an hour, 1 EUR",
		"broker fee: 7 % of 6.9 EUR = 0.00518 EUR an hour, 0.483 EUR",
		"without VAT: without VAT",
		"sum = 0.07918 EUR an hour, 7.383 EUR for 100 h")
	if !Monthly(&q) {
		t.Error("months do not matter to a price per month")
	}
	q = quoted(t, pricing.Month, nil, "n2=1")
	if got := arithmetic(q)[1]; !strings.HasPrefix(got, "sustained use: n2: less 1 × 0.04 EUR per hour for 730 h") || !strings.HasSuffix(got, "= -5.84 EUR") {
		t.Errorf("sustained use is told as %s", got)
	}
}

// The conversion is told with both rates and its day, and lines keep their native
// amounts, in words and for programs.
func TestArithmeticOfAConversion(t *testing.T) {
	rates, err := pricing.NewRates("EUR", time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC), "made up", map[string]string{"USD": "1.25", "JPY": "160"})
	if err != nil {
		t.Fatal(err)
	}
	fee := []pricing.Rule{{Name: "fee", Stage: pricing.StageOperatorFee, Percent: "7"}}
	q, err := rates.Convert(quoted(t, 672, fee, "plan=1"), "USD")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, Sums(&q),
		"sum = 0.00477678571428571428571428571428571398 EUR an hour, 3.21 EUR for 672 h",
		"each line × 1.25 ÷ 1, for 1 EUR buys 1.25 USD (2026-10-30, made up)",
		"sum = 0.005970982142857142857142857142857142 USD an hour, 4.0125 USD for 672 h")
	var doc bytes.Buffer
	if err := Encode(&doc, JSON, NewOffer(core.Quote{ID: "q", Offer: core.Offer{QuoteOnly: "no credentials", ExpiresAt: rates.AsOf()}, Price: q})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"allocatable": false`, `"quote_only": "no credentials"`, `"total": "4.0125"`, `"unit_price": "3"`, `"total": "3.75"`, `"total": "3"`,
		`"from_rate": "1"`, `"to_rate": "1.25"`, `"percent": "7"`, `"base": "3"`, `"text": "fee"`, `"stage": "operator_fee"`, `"cap_hours": 672`,
		`"how": "7 % of 3 EUR"`, `"text": "without VAT"`, `"list_revision": "r1"`, `"as_of": "2026-10-30T00:00:00Z"`,
	} {
		if !strings.Contains(doc.String(), want) {
			t.Errorf("no %s in\n%s", want, doc.String())
		}
	}
	if strings.Contains(doc.String(), "0001-01-01") {
		t.Errorf("a date that is none is written:\n%s", doc.String())
	}
}

func TestBilling(t *testing.T) {
	q := quoted(t, 100, nil, "plan=1", "n2=1", "n2-spot=1", "disk=100", "traffic=5")
	compare(t, BillingRules(&q),
		"plan: started hours, at most 672 h of a month, stopped too, includes 25 of disk (plans.html, 2026-10-01)",
		"n2: exact time, at least 1 min, sustained use ×1 up to 50 %, ×0.6 up to 100 % of a month, not while stopped",
		"n2-spot: exact time, spot: may be taken back (n2 may not), stopped too (not stated)",
		"disk: exact time, stopped too",
		"traffic: once")
	if got := IncludedItems(&q); got != "25 of disk" {
		t.Errorf("included: %s", got)
	}
	for s, want := range map[int64]string{0: "exact time", 1: "exact time", 60: "started minutes", 3600: "started hours", 90: "started spans of 90 s", 7200: "started spans of 2 h"} {
		if got := Billing(&pricing.Billing{IncrementSeconds: s, Stopped: pricing.StoppedFree}, pricing.UnitHour); got != want+", not while stopped" {
			t.Errorf("increment %d: %s", s, got)
		}
	}
}

func TestChange(t *testing.T) {
	price := func(amount, currency string, change func(*pricing.Price)) *pricing.Price {
		m, err := pricing.NewMoney(amount, currency)
		if err != nil {
			t.Fatal(err)
		}
		p := &pricing.Price{SKU: "a", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: m}
		if change != nil {
			change(p)
		}
		return p
	}
	one := price("1", "EUR", nil)
	for _, c := range []struct {
		old, fresh          *pricing.Price
		want, before, after string
	}{
		{nil, one, "new", "-", "1 EUR/hour"},
		{one, nil, "gone", "1 EUR/hour", "-"},
		{one, price("1.5", "EUR", nil), "+50.0 %", "1 EUR/hour", "1.5 EUR/hour"},
		{one, price("0.75", "EUR", nil), "-25.0 %", "1 EUR/hour", "0.75 EUR/hour"},
		{one, price("1.0001", "EUR", nil), "less than 0.1 %", "1 EUR/hour", "1.0001 EUR/hour"},
		{price("0", "EUR", nil), one, "no longer free", "0 EUR/hour", "1 EUR/hour"},
		{one, price("1", "USD", nil), "currency", "1 EUR/hour", "1 USD/hour"},
		{one, price("1", "EUR", func(p *pricing.Price) { p.Unit = pricing.UnitMonth }), "unit", "1 EUR/hour", "1 EUR/month"},
		{one, price("1", "EUR", func(p *pricing.Price) { p.Family, p.Kind = "n2", pricing.KindMemory }), "kind, family", "1 EUR/hour, compute, family none", "1 EUR/hour, memory, family n2"},
		{
			one, price("1", "EUR", func(p *pricing.Price) { p.Billing = &pricing.Billing{CapHours: 672, Stopped: pricing.StoppedBilled} }),
			"billing", "1 EUR/hour, exact time, stopped too", "1 EUR/hour, exact time, at most 672 h of a month, stopped too",
		},
	} {
		if got := Change(pricing.Change{SKU: "a", Old: c.old, New: c.fresh}); got != c.want {
			t.Errorf("%s: want %s", got, c.want)
		}
		if before, after := ChangedPrice(c.old, c.fresh), ChangedPrice(c.fresh, c.old); before != c.before || after != c.after {
			t.Errorf("%s to %s: want %s to %s", before, after, c.before, c.after)
		}
	}
}
