package pricing_test

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// kept is a quote under random rules, shown in a random currency, as it is
// read back from where it was kept.
func kept(t *testing.T, rng *rand.Rand, l *pricing.List, quantities []pricing.Quantity) pricing.Quote {
	t.Helper()
	q, err := l.Quote(quantities, pricing.Horizon(1+rng.IntN(3000)))
	if err != nil {
		t.Fatal(err)
	}
	var rules []pricing.Rule
	for i := range rng.IntN(6) {
		r := pricing.Rule{Name: "rule " + strconv.Itoa(i), From: noon().Add(-time.Hour)}
		switch rng.IntN(6) {
		case 0:
			r.Stage, r.Contract, r.SKUs = pricing.StageContract, money(t, []string{"1", "0.4", "0.7"}[rng.IntN(3)], "EUR"), []string{"core"}
		case 1:
			r.Stage, r.Contract = pricing.StageContract, money(t, "0.3", "EUR")
			r.Families = []string{"n1", "d"}
		case 2:
			r.Stage, r.Percent, r.Kinds = pricing.StageDiscount, "12.5", []pricing.Kind{pricing.KindCompute}
		case 3:
			r.Stage, r.Amount, r.Unit = pricing.StageRebate, money(t, "0.01", "EUR"), pricing.PerHour
		case 4:
			r.Stage, r.Percent, r.SKUs = pricing.StageProviderFee, "3.3", []string{"disk"}
		case 5:
			r.Stage, r.Percent = pricing.StageOperatorFee, "7"
		}
		rules = append(rules, r)
	}
	if q, err = pricing.Adjust(q, rules, noon(), "excluding VAT"); err != nil {
		t.Fatal(err)
	}
	rates := madeUp(t)
	if q, err = rates.Convert(q, rates.Currencies()[rng.IntN(4)]); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	var back pricing.Quote
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func verifyList(t *testing.T) (*pricing.List, []pricing.Quantity) {
	t.Helper()
	l := list(t, billed(price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"), n1()), price(t, "disk", pricing.KindDisk, pricing.UnitGiBMonth, "0.35"))
	l.Prices[0].Family, l.Prices[1].Family = "n1", "d"
	return l, []pricing.Quantity{{SKU: "core", Amount: "2", Divisor: 3}, {SKU: "disk", Amount: "10"}}
}

// A quote comes out again to the last digit from its list, its quantities, and
// what its own lines record.
func TestVerify(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	l, quantities := verifyList(t)
	again := *l
	again.AsOf = again.AsOf.Add(24 * time.Hour)
	for range 1000 {
		q := kept(t, rng, l, quantities)
		if err := q.Verify(&again, quantities); err != nil {
			t.Fatalf("%v\nof %+v", err, q)
		}
	}
}

func TestVerifySaysWhatDiffers(t *testing.T) {
	l, quantities := verifyList(t)
	for name, c := range map[string]struct {
		change func(*pricing.Quote, *pricing.List) []pricing.Quantity
		want   string
	}{
		"another list": {func(_ *pricing.Quote, l *pricing.List) []pricing.Quantity {
			l.Revision = "r2"
			return quantities
		}, `"r2": the quote refers to "r1"`},
		"another price": {func(_ *pricing.Quote, l *pricing.List) []pricing.Quantity {
			l.Prices = append([]pricing.Price{}, l.Prices...)
			l.Prices[1].Amount = money(t, "0.36", "EUR")
			return quantities
		}, "line 3, disk disk, unit price: 0.35 EUR recorded, 0.36 EUR computed again"},
		"another quantity": {func(*pricing.Quote, *pricing.List) []pricing.Quantity {
			return []pricing.Quantity{quantities[0], {SKU: "disk", Amount: "11"}}
		}, "line 3, disk disk, total"},
		"fewer quantities": {func(*pricing.Quote, *pricing.List) []pricing.Quantity { return quantities[:1] }, "lines recorded"},
		"a last digit":     {func(q *pricing.Quote, _ *pricing.List) []pricing.Quantity { q.Total = q.Total.Neg(); return quantities }, "total: -"},
		"a rate": {func(q *pricing.Quote, _ *pricing.List) []pricing.Quantity {
			fx := *q.FX
			fx.ToRate, q.FX = "1.1134", &fx
			return quantities
		}, "total: "},
		"a fee": {func(q *pricing.Quote, _ *pricing.List) []pricing.Quantity {
			r := *q.Lines[len(q.Lines)-1].Rule
			r.Percent, q.Lines[len(q.Lines)-1].Rule = "8", &r
			return quantities
		}, "fee operator, total"},
	} {
		t.Run(name, func(t *testing.T) {
			list := *l
			q, err := l.Quote(quantities, pricing.Month)
			if err != nil {
				t.Fatal(err)
			}
			q = adjusted(t, q, pricing.Rule{Name: "operator", Stage: pricing.StageOperatorFee, Percent: "7"})
			if q, err = madeUp(t).Convert(q, "USD"); err != nil {
				t.Fatal(err)
			}
			if err := q.Verify(&list, c.change(&q, &list)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
