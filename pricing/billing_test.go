package pricing_test

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/pricing"
)

// upcloud are the rules of an UpCloud plan: clouds of 2026, a month of at most
// 672 h, started hours, billed while stopped.
func upcloud() *pricing.Billing {
	return &pricing.Billing{IncrementSeconds: 3600, CapHours: 672, Stopped: pricing.StoppedBilled, Source: "developers.upcloud.com/1.3/4-pricing", AsOf: time.Date(2026, 8, 19, 0, 0, 0, 0, time.UTC)}
}

// n1 are the tiers of GCP's own price list of 2017-08-01 (sustained_use_tiers).
func n1() *pricing.Billing {
	return &pricing.Billing{
		IncrementSeconds: 1, MinimumSeconds: 60, Stopped: pricing.StoppedFree,
		Tiers: []pricing.Tier{{UpToPercent: 25, Factor: "1"}, {UpToPercent: 50, Factor: "0.8"}, {UpToPercent: 75, Factor: "0.6"}, {UpToPercent: 100, Factor: "0.4"}},
	}
}

func billed(p pricing.Price, b *pricing.Billing) pricing.Price {
	p.Billing = b
	return p
}

// exactly is a rational to 34 significant digits, half to even, worked out in
// integers of any length: another way than the one under test.
func exactly(t *testing.T, r *big.Rat) string {
	t.Helper()
	if n, finite := r.FloatPrec(); finite {
		if s := r.FloatString(n); len(strings.Trim(strings.Replace(s, ".", "", 1), "-0")) <= pricing.Digits {
			return trim(s)
		}
	}
	num, den := new(big.Int).Abs(r.Num()), new(big.Int).Set(r.Denom())
	exp := 0
	for limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(pricing.Digits-1), nil); new(big.Int).Quo(num, den).Cmp(limit) < 0; exp++ {
		num.Mul(num, big.NewInt(10))
	}
	q, rest := new(big.Int).QuoRem(num, den, new(big.Int))
	if len(q.String()) != pricing.Digits {
		t.Fatalf("%s is too large for this test", r)
	}
	if c := rest.Lsh(rest, 1).Cmp(den); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	s := new(big.Rat).SetFrac(q, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exp)), nil)).FloatString(exp)
	if r.Sign() < 0 {
		s = "-" + s
	}
	return trim(s)
}

func trim(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func TestGoldenMachineType(t *testing.T) {
	l := list(t,
		billed(price(t, "n2-core", pricing.KindCompute, pricing.UnitHour, "0.031611"), &pricing.Billing{IncrementSeconds: 1, MinimumSeconds: 60}),
		billed(price(t, "n2-ram", pricing.KindMemory, pricing.UnitGiBHour, "0.004237"), &pricing.Billing{IncrementSeconds: 1, MinimumSeconds: 60}),
	)
	for i := range l.Prices {
		l.Prices[i].Amount = money(t, l.Prices[i].Amount.Amount(), "USD")
	}
	q, err := l.Quote([]pricing.Quantity{{SKU: "n2-core", Amount: "4"}, {SKU: "n2-ram", Amount: "16"}}, 1)
	if err != nil || q.Hour.String() != "0.194236 USD" || q.Total.String() != "0.194236 USD" {
		t.Errorf("n2-standard-4 in us-central1 is %s an hour, %v; want 0.194236 USD", q.Hour, err)
	}
}

func TestGoldenCap(t *testing.T) {
	l := list(t, billed(price(t, "plan", pricing.KindCompute, pricing.UnitMonth, "3.00"), upcloud()))
	plan := []pricing.Quantity{{SKU: "plan", Amount: "1"}}
	for hours, want := range map[pricing.Horizon]*big.Rat{
		1: big.NewRat(3, 672), 100: big.NewRat(300, 672), 671: big.NewRat(671*3, 672), 672: big.NewRat(3, 1), 673: big.NewRat(3, 1),
		720: big.NewRat(3, 1), 730: big.NewRat(3, 1), 744: big.NewRat(3, 1), 745: big.NewRat(3*672+15*3, 672),
		1402: big.NewRat(6, 1), 1460: big.NewRat(6, 1), 1474: big.NewRat(6*672+14*3, 672), 8760: big.NewRat(36, 1),
	} {
		q, err := l.Quote(plan, hours)
		if err != nil {
			t.Fatal(err)
		}
		if q.Total.Amount() != exactly(t, want) || q.Hour.Amount() != exactly(t, big.NewRat(3, 672)) {
			t.Errorf("%d h cost %s, %s an hour; want %s and 3.00/672", hours, q.Total, q.Hour, exactly(t, want))
		}
	}
	q, err := l.Quote(plan, 100)
	if want := "0.4464285714285714285714285714285714"; err != nil || q.Total.Amount() != want {
		t.Errorf("100 h cost %s, %v; want %s", q.Total, err, want)
	}
	if how, want := q.Lines[0].How(), "1 × 3 EUR per month for 100 h, by started hours, of which 100 h count, at most 672 h a month, stopped too"; how != want {
		t.Errorf("explained as %q, want %q", how, want)
	}
}

// A price per hour is capped by the same rule.
func TestCapOfAnHourlyPrice(t *testing.T) {
	l := list(t, billed(price(t, "plan", pricing.KindCompute, pricing.UnitHour, "0.01"), upcloud()))
	for hours, want := range map[pricing.Horizon]string{100: "1", 672: "6.72", 744: "6.72", 745: "6.87", 8760: "80.64"} {
		if q, err := l.Quote([]pricing.Quantity{{SKU: "plan", Amount: "1"}}, hours); err != nil || q.Total.Amount() != want {
			t.Errorf("%d h cost %s, %v; want %s", hours, q.Total, err, want)
		}
	}
}

func TestSustainedUse(t *testing.T) {
	l := list(t, billed(price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"), n1()))
	for hours, want := range map[pricing.Horizon]string{
		1: "1", 182: "182", 183: "182.9", // half an hour at 0.8
		365: "328.5", 730: "511", 744: "516.6", 745: "526", 8760: "6132",
	} {
		q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1"}}, hours)
		if err != nil || q.Total.Amount() != want {
			t.Errorf("%d h cost %s, %v; want %s", hours, q.Total, err, want)
		}
		if n := len(q.Lines); (n == 2) != (hours > 182) || n == 2 && (q.Lines[1].Kind != pricing.KindDiscount || q.Lines[1].Total.Sign() >= 0) {
			t.Errorf("%d h: the discount is not a line of its own: %+v", hours, q.Lines)
		}
	}
}

func TestBilledTime(t *testing.T) {
	started, minute := &pricing.Billing{IncrementSeconds: 3600}, &pricing.Billing{IncrementSeconds: 1, MinimumSeconds: 60, Stopped: pricing.StoppedFree}
	for _, c := range []struct {
		name             string
		billing          *pricing.Billing
		running, stopped time.Duration
		want             time.Duration
	}{
		{"a started hour is an hour", started, time.Minute, 0, time.Hour},
		{"an hour is an hour", started, time.Hour, 0, time.Hour},
		{"a second more is two", started, time.Hour + time.Nanosecond, 0, 2 * time.Hour},
		{"a minute at least", minute, time.Second, 0, time.Minute},
		{"then by the second", minute, 61 * time.Second, 0, 61 * time.Second},
		{"not while stopped", minute, time.Hour, time.Hour, time.Hour},
		{"stopped, and nothing known", started, time.Hour, time.Hour, 2 * time.Hour},
		{"stopped, and billed", upcloud(), time.Hour, time.Hour, 2 * time.Hour},
		{"no rules", nil, 90 * time.Second, time.Second, 91 * time.Second},
	} {
		if got := c.billing.Billed(pricing.Usage{Running: c.running, Stopped: c.stopped}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestQuoteUsage(t *testing.T) {
	l := list(t,
		billed(price(t, "core", pricing.KindCompute, pricing.UnitHour, "3.6"), &pricing.Billing{IncrementSeconds: 1, MinimumSeconds: 60, Stopped: pricing.StoppedFree}),
		price(t, "disk", pricing.KindDisk, pricing.UnitGiBHour, "1"))
	u := pricing.Usage{Running: 30 * time.Second, Stopped: 2*time.Hour - 30*time.Second}
	q, err := l.QuoteUsage([]pricing.Quantity{{SKU: "core", Amount: "1"}, {SKU: "disk", Amount: "1"}}, u)
	if err != nil || q.Total.Amount() != "2.06" || q.ForHours != 2 || q.Usage == nil || *q.Usage != u {
		t.Errorf("got %+v, %v; want a minute of a core and two hours of disk: 2.06", q, err)
	}
	if _, err := l.QuoteUsage([]pricing.Quantity{{SKU: "core", Amount: "1"}}, pricing.Usage{Running: -time.Hour}); err == nil {
		t.Error("negative time was accepted")
	}
	for _, h := range []pricing.Horizon{-1, 0, 87601, 1 << 58, 1<<63 - 1} {
		if q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1"}}, h); err == nil {
			t.Errorf("a horizon of %d has the price %s", h, q.Total)
		}
	}
}

// Who wins depends on the horizon.
func TestWinnerChangesWithTheHorizon(t *testing.T) {
	l := list(t,
		billed(price(t, "capped", pricing.KindCompute, pricing.UnitMonth, "6.72"), upcloud()),
		price(t, "hourly", pricing.KindCompute, pricing.UnitHour, "0.0095"))
	for h, want := range map[pricing.Horizon]int{2: 1, 720: -1} {
		capped, err := l.Quote([]pricing.Quantity{{SKU: "capped", Amount: "1"}}, h)
		if err != nil {
			t.Fatal(err)
		}
		hourly, err := l.Quote([]pricing.Quantity{{SKU: "hourly", Amount: "1"}}, h)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := capped.Total.Cmp(hourly.Total); err != nil || c != want {
			t.Errorf("%d h: capped %s, hourly %s", h, capped.Total, hourly.Total)
		}
	}
}

func TestIncludedQuantities(t *testing.T) {
	bundle := &pricing.Billing{Includes: []pricing.Inclusion{{SKU: "disk", Amount: "10"}, {SKU: "out", Amount: "73", PerMonth: true}}}
	l := list(t,
		billed(price(t, "plan", pricing.KindCompute, pricing.UnitHour, "1"), bundle),
		price(t, "disk", pricing.KindDisk, pricing.UnitGiBHour, "0.1"),
		price(t, "out", pricing.KindTraffic, pricing.UnitGiB, "0.5"))
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		quantities []pricing.Quantity
		total      string
		lines      int
	}{
		{"all of it", []pricing.Quantity{{SKU: "plan", Amount: "1"}, {SKU: "disk", Amount: "10"}}, "10", 2},
		{"a part of it", []pricing.Quantity{{SKU: "plan", Amount: "1"}, {SKU: "disk", Amount: "15"}}, "15", 3},
		{"two plans bring twice as much", []pricing.Quantity{{SKU: "plan", Amount: "2"}, {SKU: "disk", Amount: "15"}}, "20", 2},
		{"half a plan brings half", []pricing.Quantity{{SKU: "plan", Amount: "1", Divisor: 2}, {SKU: "disk", Amount: "15"}}, "15", 3},
		{"it is used up once", []pricing.Quantity{{SKU: "plan", Amount: "1"}, {SKU: "disk", Amount: "6"}, {SKU: "disk", Amount: "6"}}, "12", 4},
		{"ten hours have a 73rd of a month", []pricing.Quantity{{SKU: "plan", Amount: "1"}, {SKU: "out", Amount: "3"}}, "11", 3},
		{"without the plan", []pricing.Quantity{{SKU: "disk", Amount: "1"}}, "1", 1},
	} {
		for _, quote := range []func([]pricing.Quantity) (pricing.Quote, error){
			func(n []pricing.Quantity) (pricing.Quote, error) { return l.Quote(n, 10) }, l.Quoter(10).Quote,
		} {
			q, err := quote(c.quantities)
			if err != nil || q.Total.Amount() != c.total || len(q.Lines) != c.lines {
				t.Errorf("%s: %s in %d lines, %v; want %s in %d", c.name, q.Total, len(q.Lines), err, c.total, c.lines)
			}
		}
	}
}

func TestBillingCheckNamesEveryFault(t *testing.T) {
	b := &pricing.Billing{
		IncrementSeconds: -1, MinimumSeconds: -1, CapHours: 731, SpotOf: "x", Stopped: "maybe",
		Tiers:    []pricing.Tier{{UpToPercent: 50, Factor: "1.1"}, {UpToPercent: 40, Factor: "0.12345"}, {UpToPercent: 90, Factor: "x"}},
		Includes: []pricing.Inclusion{{SKU: "a", Amount: "-1"}, {SKU: "a", Amount: "1"}},
	}
	err := b.Check()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"increment_seconds -1", "minimum_seconds -1", "cap_hours 731", "a cap and tiers", "up to 40 percent: want more than 50", "tiers end at 90", `"1.1"`, `"0.12345"`, `"x": want 0 to 1`, "without spot", "maybe", `"-1" of sku "a"`, `includes sku "a"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among the faults:\n%v", want, err)
		}
	}
	demand := price(t, "d", pricing.KindCompute, pricing.UnitHour, "1")
	for want, p := range map[string]pricing.Price{
		"above 1 EUR on demand":       billed(price(t, "s", pricing.KindCompute, pricing.UnitHour, "1.1"), &pricing.Billing{Spot: true, SpotOf: "d"}),
		"which is a compute per hour": billed(price(t, "s", pricing.KindDisk, pricing.UnitHour, "1"), &pricing.Billing{Spot: true, SpotOf: "d"}),
		"not in the list":             billed(price(t, "s", pricing.KindCompute, pricing.UnitHour, "1"), &pricing.Billing{Spot: true, SpotOf: "gone"}),
		"want another one":            billed(price(t, "s", pricing.KindCompute, pricing.UnitHour, "1"), &pricing.Billing{Includes: []pricing.Inclusion{{SKU: "s", Amount: "1"}}}),
		"paid once":                   billed(price(t, "s", pricing.KindTraffic, pricing.UnitGiB, "1"), &pricing.Billing{CapHours: 672}),
		`kind "fee"`:                  price(t, "s", pricing.KindFee, pricing.UnitHour, "1"),
	} {
		if err := list(t, demand, p).Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := list(t, demand, billed(price(t, "s", pricing.KindCompute, pricing.UnitHour, "1"), &pricing.Billing{Spot: true, SpotOf: "d"})).Check(); err != nil {
		t.Errorf("spot at the price on demand: %v", err)
	}
}

// What is kept in a ledger comes back the same, and old rows without rules are
// read as before.
func TestQuoteJSON(t *testing.T) {
	l := list(t, billed(price(t, "core", pricing.KindCompute, pricing.UnitHour, "0.07"), n1()))
	q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1", Divisor: 3}}, 500)
	if err != nil {
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
	again, err := json.Marshal(back)
	if diff := cmp.Diff(string(data), string(again)); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	plain, err := json.Marshal(list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "0.07")))
	if err != nil || strings.Contains(string(plain), "billing") || strings.Count(string(plain), "as_of") != 1 {
		t.Errorf("a price without rules is written as %s, %v", plain, err)
	}
}

// Whatever the numbers, the amounts are those of rational arithmetic, rounded
// once; longer time never costs less; lines add up.
func TestQuoteIsRationalArithmetic(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	units := map[pricing.Unit]int64{pricing.UnitHour: 1, pricing.UnitGiBMonth: 730}
	for range 3000 {
		for unit, span := range units {
			digitsOf := func(n int) string {
				s := strconv.FormatUint(1+rng.Uint64N(uint64(1)<<(1+rng.IntN(62))), 10)
				return "0." + strings.Repeat("0", rng.IntN(n)) + s
			}
			b := &pricing.Billing{CapHours: rng.Int64N(2) * (1 + rng.Int64N(730))}
			rate, n, divisor := digitsOf(5), digitsOf(3), 1+rng.Int64N(1000)
			if rng.IntN(2) == 0 {
				n = strconv.FormatUint(1+rng.Uint64N(1e9), 10)
			}
			hours := 1 + rng.Int64N(744)
			q, err := list(t, billed(price(t, "x", pricing.KindDisk, unit, rate), b)).Quote([]pricing.Quantity{{SKU: "x", Amount: n, Divisor: divisor}}, pricing.Horizon(hours))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := new(big.Rat).SetString(rate)
			amount, _ := new(big.Rat).SetString(n)
			if b.CapHours > 0 && span > 1 {
				span = b.CapHours
			}
			if b.CapHours > 0 {
				hours = min(hours, b.CapHours)
			}
			want.Mul(want, amount).Mul(want, big.NewRat(hours, span*divisor))
			if q.Total.Amount() != exactly(t, want) {
				t.Fatalf("%s × %s/%d for %d h of %d is %s, want %s", rate, n, divisor, hours, span, q.Total, exactly(t, want))
			}
		}
	}
}

func TestMoreTimeNeverCostsLess(t *testing.T) {
	for name, b := range map[string]*pricing.Billing{"cap": upcloud(), "tiers": n1(), "none": nil} {
		l := list(t, billed(price(t, "x", pricing.KindCompute, pricing.UnitMonth, "3.00"), b))
		before := pricing.Zero("EUR")
		for h := range pricing.Horizon(3000) {
			q, err := l.Quote([]pricing.Quantity{{SKU: "x", Amount: "1"}}, h+1)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := q.Total.Cmp(before); err != nil || c < 0 {
				t.Fatalf("%s: %d h cost %s, an hour less %s", name, h+1, q.Total, before)
			}
			before = q.Total
		}
	}
}

// A quoter for many offers gives the quotes of the list.
func TestQuoterIsTheList(t *testing.T) {
	l := list(t, billed(price(t, "a", pricing.KindCompute, pricing.UnitMonth, "3.00"), upcloud()), billed(price(t, "b", pricing.KindMemory, pricing.UnitGiBHour, "0.1"), n1()))
	quoter := l.Quoter(745)
	for _, n := range []string{"1", "1.5", "0.00000000000000000000000000007", "99999999999999999999999999999999999999999", "0", "x"} {
		quantities := []pricing.Quantity{{SKU: "a", Amount: n, Divisor: 7}, {SKU: "b", Amount: "3"}}
		want, wantErr := l.Quote(quantities, 745)
		got, err := quoter.Quote(quantities)
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		if (err == nil) != (wantErr == nil) || string(a) != string(b) {
			t.Errorf("%s: %v, %v\n%s", n, err, wantErr, cmp.Diff(string(a), string(b)))
		}
	}
	if _, err := quoter.Quote([]pricing.Quantity{{SKU: "c", Amount: "1"}}); err == nil {
		t.Error("an unknown SKU has a price")
	}
}
