package pricing_test

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

func adjusted(t *testing.T, q pricing.Quote, rules ...pricing.Rule) pricing.Quote {
	t.Helper()
	out, err := pricing.Adjust(q, rules, noon(), "")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// whole fails unless the lines add up to the quote.
func whole(t *testing.T, q pricing.Quote) {
	t.Helper()
	hour, total := pricing.Zero(q.Currency), pricing.Zero(q.Currency)
	for _, l := range q.Lines {
		var err error
		if hour, err = hour.Add(l.Hour); err != nil {
			t.Fatal(err)
		}
		if total, err = total.Add(l.Total); err != nil {
			t.Fatal(err)
		}
	}
	if hour.Amount() != q.Hour.Amount() || total.Amount() != q.Total.Amount() {
		t.Errorf("lines add up to %s, %s an hour; the quote says %s and %s", total, hour, q.Total, q.Hour)
	}
}

// Seven percent of each golden amount, to the last digit of what is printed.
func TestGoldenFee(t *testing.T) {
	plan := list(t, billed(price(t, "plan", pricing.KindCompute, pricing.UnitMonth, "3.00"), upcloud()))
	machine := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "0.031611"), price(t, "ram", pricing.KindMemory, pricing.UnitGiBHour, "0.004237"))
	for _, c := range []struct {
		list       *pricing.List
		quantities []pricing.Quantity
		hours      pricing.Horizon
		fee, total string
	}{
		{machine, []pricing.Quantity{{SKU: "core", Amount: "4"}, {SKU: "ram", Amount: "16"}}, 1, "0.01359652", "0.20783252"},
		{plan, []pricing.Quantity{{SKU: "plan", Amount: "1"}}, 744, "0.21", "3.21"},
		{plan, []pricing.Quantity{{SKU: "plan", Amount: "1"}}, 672, "0.21", "3.21"},
		{plan, []pricing.Quantity{{SKU: "plan", Amount: "1"}}, 730, "0.21", "3.21"},
		{plan, []pricing.Quantity{{SKU: "plan", Amount: "1"}}, 8760, "2.52", "38.52"},
		{plan, []pricing.Quantity{{SKU: "plan", Amount: "1"}}, 100, "0.031249999999999999999999999999999998", "0.477678571428571428571428571428571398"},
		{plan, []pricing.Quantity{{SKU: "plan", Amount: "1"}}, 745, "0.21468750000000000000000000000000002", "3.28165178571428571428571428571428602"},
	} {
		q, err := c.list.Quote(c.quantities, c.hours)
		if err != nil {
			t.Fatal(err)
		}
		base := q.Total.Amount()
		q = adjusted(t, q, pricing.Rule{Name: "operator", Stage: pricing.StageOperatorFee, Percent: "7"})
		fee := q.Lines[len(q.Lines)-1]
		if fee.Kind != pricing.KindFee || fee.Total.Amount() != c.fee || q.Total.Amount() != c.total {
			t.Errorf("%d h: fee %s of %s, total %s; want %s and %s", c.hours, fee.Total, base, q.Total, c.fee, c.total)
		}
		printed, _ := new(big.Rat).SetString(base)
		if want := printed.Mul(printed, big.NewRat(7, 100)); want.Cmp(rat(t, fee.Total)) != 0 || fee.Base.Amount() != base {
			t.Errorf("%d h: %s is not 7 %% of the printed %s", c.hours, fee.Total, fee.Base)
		}
		whole(t, q)
	}
}

// The order of the stages is that of their list, whatever the order of the rules.
func TestAdjustOrder(t *testing.T) {
	l := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"), price(t, "disk", pricing.KindDisk, pricing.UnitHour, "1"))
	l.Prices[0].Family = "n2"
	q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "10"}, {SKU: "disk", Amount: "5"}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	got := adjusted(t, q,
		pricing.Rule{Name: "operator", Stage: pricing.StageOperatorFee, Percent: "10"},
		pricing.Rule{Name: "provider", Stage: pricing.StageProviderFee, Percent: "50", Kinds: []pricing.Kind{pricing.KindDisk}},
		pricing.Rule{Name: "voucher", Stage: pricing.StageRebate, Amount: money(t, "1", "EUR"), Unit: pricing.PerHour, SKUs: []string{"core"}},
		pricing.Rule{Name: "half", Stage: pricing.StageDiscount, Percent: "50", Families: []string{"n2"}},
		pricing.Rule{Name: "again", Stage: pricing.StageDiscount, Percent: "10"},
		pricing.Rule{Name: "contract", Stage: pricing.StageContract, Contract: money(t, "0.8", "EUR"), SKUs: []string{"core"}},
	)
	want := []struct{ text, total string }{
		{"contract", "-20"}, // 10·10·(1 - 0.8)
		{"half", "-40"},     // of 80
		{"again", "-9"},     // 10 % of 40 + 50
		{"voucher", "-10"},  // 1 an hour, of 36
		{"provider", "22.5"},
		{"operator", "9.35"}, // 10 % of 26 + 45 + 22.5
	}
	for i, w := range want {
		if l := got.Lines[2+i]; l.Text != w.text || l.Total.Amount() != w.total {
			t.Errorf("line %d is %s of %s (%s), want %s of %s", i, l.Text, l.Total, l.How(), w.text, w.total)
		}
	}
	if got.Total.Amount() != "102.85" || len(q.Lines) != 2 || q.Total.Amount() != "150" {
		t.Errorf("total %s; the quote given has %d lines and %s", got.Total, len(q.Lines), q.Total)
	}
	whole(t, got)
}

func TestContractUnderBillingRules(t *testing.T) {
	l := list(t, billed(price(t, "plan", pricing.KindCompute, pricing.UnitMonth, "6.72"), upcloud()), billed(price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"), n1()))
	q, err := l.Quote([]pricing.Quantity{{SKU: "plan", Amount: "1"}, {SKU: "core", Amount: "1"}}, 730)
	if err != nil {
		t.Fatal(err)
	}
	q = adjusted(t, q,
		pricing.Rule{Name: "ours", Stage: pricing.StageContract, Contract: money(t, "3.36", "EUR"), SKUs: []string{"plan"}},
		pricing.Rule{Name: "flat", Stage: pricing.StageContract, Contract: money(t, "0.5", "EUR"), SKUs: []string{"core"}},
		pricing.Rule{Name: "less", Stage: pricing.StageDiscount, Percent: "10", Kinds: []pricing.Kind{pricing.KindCompute}})
	// 3.36 and half of 511, less a tenth.
	if q.Total.Amount() != "232.974" {
		t.Errorf("total %s, want 232.974", q.Total)
	}
	whole(t, q)
}

func TestRebateNeverPays(t *testing.T) {
	l := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"))
	q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1"}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	q = adjusted(t, q, pricing.Rule{Name: "a", Stage: pricing.StageRebate, Amount: money(t, "8", "EUR"), Unit: pricing.Once}, pricing.Rule{Name: "b", Stage: pricing.StageRebate, Amount: money(t, "8", "EUR"), Unit: pricing.Once})
	if q.Total.Amount() != "0" || q.Lines[2].Total.Amount() != "-2" {
		t.Errorf("total %s, second rebate %s", q.Total, q.Lines[2].Total)
	}
}

// What lowers a price must hold to the end; what raises it counts at once.
func TestPeriods(t *testing.T) {
	l := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"))
	q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1"}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	end := noon().Add(10 * time.Hour)
	for _, c := range []struct {
		stage       pricing.Stage
		from, until time.Time
		total       string
	}{
		{pricing.StageDiscount, noon(), end, "5"},
		{pricing.StageDiscount, noon(), end.Add(-time.Second), "10"},
		{pricing.StageDiscount, noon().Add(time.Second), time.Time{}, "10"},
		{pricing.StageDiscount, time.Time{}, time.Time{}, "5"},
		{pricing.StageProviderFee, end.Add(-time.Second), time.Time{}, "15"},
		{pricing.StageProviderFee, end, time.Time{}, "10"},
		{pricing.StageProviderFee, time.Time{}, noon(), "10"},
	} {
		if got := adjusted(t, q, pricing.Rule{Name: "r", Stage: c.stage, Percent: "50", From: c.from, Until: c.until}); got.Total.Amount() != c.total {
			t.Errorf("%s from %s until %s: %s, want %s", c.stage, c.from, c.until, got.Total, c.total)
		}
	}
}

func TestAdjustRefuses(t *testing.T) {
	l := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"))
	q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1"}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	err = pricing.CheckRules([]pricing.Rule{
		{},
		{Name: "a", Stage: pricing.StageDiscount, Percent: "101", Unit: "week", Kinds: []pricing.Kind{"magic"}},
		{Name: "b", Stage: pricing.StageDiscount, Percent: "-1", Unit: pricing.Once},
		{Name: "c", Stage: pricing.StageRebate, Percent: "1", Amount: money(t, "0", "EUR")},
		{Name: "d", Stage: pricing.StageOperatorFee, Percent: "NaN", SKUs: []string{"core"}, From: noon(), Until: noon()},
		{Name: "e", Stage: pricing.StageProviderFee, Contract: money(t, "1", "EUR")},
	})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{`rule 1, ""`, "no name", `stage ""`, "0 of percent", `percent "101"`, `kind "magic"`, `unit "week"`, `percent "-1"`, `unit "once"`, "2 of percent", "amount 0 EUR", `percent "NaN"`, "whole quote", "before the end", "a contract price in stage provider_fee"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among the faults:\n%v", want, err)
		}
	}
	for want, r := range map[string]pricing.Rule{
		"above the list's": {Name: "x", Stage: pricing.StageContract, Contract: money(t, "2", "EUR")},
		"different":        {Name: "x", Stage: pricing.StageRebate, Amount: money(t, "2", "USD"), Unit: pricing.Once},
	} {
		if _, err := pricing.Adjust(q, []pricing.Rule{r}, noon(), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	once, err := pricing.Adjust(q, nil, noon(), "excluding VAT")
	if err != nil || once.Total.Amount() != "10" || once.Lines[1].Kind != pricing.KindTax {
		t.Fatalf("a tax note: %+v, %v", once, err)
	}
	if _, err := pricing.Adjust(once, nil, noon(), ""); err == nil {
		t.Error("rules were applied twice")
	}
}

// Whatever is taken off, a quote is never paid out.
func TestDiscountsNeverPay(t *testing.T) {
	l := list(t, billed(price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"), n1()), price(t, "disk", pricing.KindDisk, pricing.UnitGiBMonth, "0.07"))
	q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1"}, {SKU: "disk", Amount: "3"}}, 500)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		var rules []pricing.Rule
		for range 1 + rng.IntN(5) {
			r := pricing.Rule{Name: "r", Stage: pricing.StageDiscount, Percent: strconv.Itoa(1 + rng.IntN(100))}
			switch rng.IntN(3) {
			case 0:
				r.Stage, r.Percent, r.Amount, r.Unit = pricing.StageRebate, "", money(t, strconv.Itoa(1+rng.IntN(500)), "EUR"), pricing.Once
			case 1:
				r.SKUs = []string{"core"}
			}
			rules = append(rules, r)
		}
		got := adjusted(t, q, rules...)
		if got.Total.Sign() < 0 {
			t.Fatalf("%s is left by %+v", got.Total, rules)
		}
		whole(t, got)
	}
}
