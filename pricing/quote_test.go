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

func money(t *testing.T, amount, currency string) pricing.Money {
	t.Helper()
	m, err := pricing.NewMoney(amount, currency)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func list(t *testing.T, prices ...pricing.Price) *pricing.List {
	t.Helper()
	return &pricing.List{Revision: "r1", Source: "test", AsOf: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Prices: prices}
}

func price(t *testing.T, sku string, kind pricing.Kind, unit pricing.Unit, amount string) pricing.Price {
	t.Helper()
	return pricing.Price{SKU: sku, Kind: kind, Unit: unit, Amount: money(t, amount, "EUR")}
}

func TestQuote(t *testing.T) {
	l := list(t,
		price(t, "core", pricing.KindCompute, pricing.UnitHour, "0.031611"),
		price(t, "ram", pricing.KindMemory, pricing.UnitGiBHour, "0.004237"),
		price(t, "disk", pricing.KindDisk, pricing.UnitGiBMonth, "0.073"),
		price(t, "out", pricing.KindTraffic, pricing.UnitGiB, "0.01"),
	)
	for _, c := range []struct {
		name        string
		quantities  []pricing.Quantity
		horizon     pricing.Horizon
		hour, total string
	}{
		{"cores and memory by the hour", []pricing.Quantity{{SKU: "core", Amount: "4"}, {SKU: "ram", Amount: "16"}}, 1, "0.194236", "0.194236"},
		{"a month of a disk is its monthly price", []pricing.Quantity{{SKU: "disk", Amount: "10"}}, pricing.Month, "0.001", "0.73"},
		{"a share of three, for three hours, is exact", []pricing.Quantity{{SKU: "core", Amount: "1", Divisor: 3}}, 3, "0.010537", "0.031611"},
		{"traffic is paid once", []pricing.Quantity{{SKU: "out", Amount: "7"}}, pricing.Month, "0", "0.07"},
		{"what is bundled costs nothing", []pricing.Quantity{{SKU: "core", Amount: "1", Included: true}}, pricing.Month, "0", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := l.Quote(c.quantities, c.horizon)
			if err != nil {
				t.Fatal(err)
			}
			if q.Hour.Amount() != c.hour || q.Total.Amount() != c.total {
				t.Errorf("hour %s total %s, want %s and %s", q.Hour, q.Total, c.hour, c.total)
			}
			if q.Lines[0].Source != "test" || q.Lines[0].AsOf.IsZero() {
				t.Errorf("line without source and date: %+v", q.Lines[0])
			}
		})
	}
}

func TestQuoteRefuses(t *testing.T) {
	l := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "0.03"))
	for _, c := range []struct {
		name       string
		quantities []pricing.Quantity
		horizon    pricing.Horizon
		want       string
	}{
		{"nothing", nil, 1, "without quantities"},
		{"an unknown sku", []pricing.Quantity{{SKU: "gpu", Amount: "1"}}, 1, "does not have it"},
		{"zero of it", []pricing.Quantity{{SKU: "core", Amount: "0"}}, 1, "not positive"},
		{"a negative amount", []pricing.Quantity{{SKU: "core", Amount: "-1"}}, 1, "not positive"},
		{"not a number", []pricing.Quantity{{SKU: "core", Amount: "NaN"}}, 1, "decimal number"},
		{"a huge exponent", []pricing.Quantity{{SKU: "core", Amount: "1e999999"}}, 1, "decimal number"},
		{"no horizon", []pricing.Quantity{{SKU: "core", Amount: "1"}}, 0, "horizon"},
		{"a negative divisor", []pricing.Quantity{{SKU: "core", Amount: "1", Divisor: -3}}, 1, "not positive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if q, err := l.Quote(c.quantities, c.horizon); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", q.Total, err, c.want)
			}
		})
	}
}

// The sum of the lines is the total, to the last digit, whatever the numbers.
func TestTotalIsSumOfLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	units := []pricing.Unit{pricing.UnitHour, pricing.UnitGiBHour, pricing.UnitMonth, pricing.UnitGiBMonth, pricing.UnitGiB}
	for range 500 {
		var prices []pricing.Price
		var quantities []pricing.Quantity
		for i := range 1 + rng.IntN(6) {
			sku := strconv.Itoa(i)
			prices = append(prices, price(t, sku, pricing.KindCompute, units[rng.IntN(len(units))], "0."+strconv.FormatUint(1+rng.Uint64N(1e12), 10)))
			quantities = append(quantities, pricing.Quantity{SKU: sku, Amount: strconv.FormatUint(1+rng.Uint64N(1e6), 10), Divisor: int64(rng.IntN(11))})
		}
		q, err := list(t, prices...).Quote(quantities, pricing.Horizon(1+rng.IntN(9000)))
		if err != nil {
			t.Fatal(err)
		}
		sum, hours := pricing.Zero("EUR"), pricing.Zero("EUR")
		for _, line := range q.Lines {
			if sum, err = sum.Add(line.Total); err != nil {
				t.Fatal(err)
			}
			if hours, err = hours.Add(line.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if sum.Amount() != q.Total.Amount() || hours.Amount() != q.Hour.Amount() {
			t.Fatalf("lines sum to %s and %s, quote says %s and %s", sum, hours, q.Total, q.Hour)
		}
	}
}

func TestListCheckNamesEveryFault(t *testing.T) {
	l := &pricing.List{Prices: []pricing.Price{
		price(t, "a", pricing.KindCompute, pricing.UnitHour, "0"),
		price(t, "b", pricing.KindCompute, pricing.UnitHour, "-1"),
		price(t, "c", pricing.KindCompute, "fortnight", "1"),
		price(t, "d", "magic", pricing.UnitHour, "1"),
		price(t, "d", pricing.KindCompute, pricing.UnitHour, "1"),
		{SKU: "e", Kind: pricing.KindDisk, Unit: pricing.UnitHour, Amount: money(t, "1", "USD")},
		{SKU: "f", Kind: pricing.KindDisk, Unit: pricing.UnitHour},
	}}
	err := l.Check()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"without a revision", "not declared free", "negative", "fortnight", "magic", "listed twice", "USD in a list of EUR", "no amount"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among the faults:\n%v", want, err)
		}
	}
}

func TestMoneyJSON(t *testing.T) {
	for _, m := range []pricing.Money{money(t, "0.0125", "EUR"), money(t, "-3", "USD"), {}} {
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back pricing.Money
		if err := json.Unmarshal(data, &back); err != nil || back.String() != m.String() {
			t.Errorf("%s came back as %s: %v", data, back, err)
		}
	}
	l := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "0.01"))
	q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1", Divisor: 3}}, 7)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	var back pricing.Quote
	if err := json.Unmarshal(data, &back); err != nil || back.Total.Amount() != q.Total.Amount() {
		t.Errorf("a third of a cent, %s, came back as %s: %v", q.Total, back.Total, err)
	}
	var m pricing.Money
	for _, bad := range []string{`{"amount":"1","currency":"XXQ"}`, `{"amount":"1","currency":""}`, `{"amount":"1e5","currency":"EUR"}`, `{"amount":"","currency":"EUR"}`} {
		if err := json.Unmarshal([]byte(bad), &m); err == nil {
			t.Errorf("%s was accepted as %s", bad, m)
		}
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct {
		amount   string
		decimals int
		want     string
	}{{"0.125", 2, "0.12"}, {"0.135", 2, "0.14"}, {"3", 2, "3.00"}, {"0.00004", 4, "0.0000"}} {
		if got := money(t, c.amount, "EUR").Round(c.decimals); got != c.want {
			t.Errorf("%s to %d decimals is %s, want %s", c.amount, c.decimals, got, c.want)
		}
	}
}

func TestParseHorizon(t *testing.T) {
	for text, want := range map[string]pricing.Horizon{"month": 730, "2h": 2, "7d": 168, "30d": 720, "1y": 8760, "10y": 87600, "2w": 336} {
		if got, err := pricing.ParseHorizon(text); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "h", "0h", "-1h", "+1h", "1.5h", "11y", "9999999999h", "1m", "1 h"} {
		if got, err := pricing.ParseHorizon(bad); err == nil {
			t.Errorf("%q was accepted as %d", bad, got)
		}
	}
}

func TestCeiling(t *testing.T) {
	l := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "0.01"))
	q, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1"}}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"7.30EUR/month": false, "7.29 EUR/month": true, "0.01eur/h": false, "0.0099EUR/h": true, "100EUR/1y": false} {
		c, err := pricing.ParseCeiling(text)
		if err != nil {
			t.Fatal(err)
		}
		if below, err := c.Below(q, nil); err != nil || below != want {
			t.Errorf("%s below %s for %d h: %v, %v; want %v", text, q.Total, q.ForHours, below, err, want)
		}
	}
	usd, err := pricing.ParseCeiling("1USD/h")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := usd.Below(q, nil); err == nil {
		t.Error("dollars were compared with euros")
	}
	// 100 h at 0.01 EUR/h are 7.30 EUR a month, and at 1.1133 exactly 8.12709 USD.
	rates := madeUp(t)
	for text, c := range map[string]struct {
		below bool
		show  string
	}{
		"8.12709USD/month":  {false, "8.1271USD/month"},
		"8.127089USD/month": {true, "8.1271USD/month"},
		"7.3EUR/month":      {false, "7.3000EUR/month"},
		"1CHF/month":        {false, "7.3000EUR/month"},
	} {
		ceiling, err := pricing.ParseCeiling(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, currency := range []string{"EUR", "USD"} {
			converted, err := rates.Convert(q, currency)
			if err != nil {
				t.Fatal(err)
			}
			below, err := ceiling.Below(converted, rates)
			if below != c.below || (err != nil) != (ceiling.Currency() == "CHF") {
				t.Errorf("%s below %s: %v, %v; want %v", text, converted.Total, below, err, c.below)
			}
			if got := ceiling.Show(converted, rates); got != c.show {
				t.Errorf("%s: shown as %s, want %s", text, got, c.show)
			}
		}
	}
	for _, bad := range []string{"", "20", "20EUR", "EUR/month", "-1EUR/h", "20EUR/", "20XYZ/h", "NaNEUR/h"} {
		if c, err := pricing.ParseCeiling(bad); err == nil {
			t.Errorf("%q was accepted as %s", bad, c)
		}
	}
}

func FuzzNewMoney(f *testing.F) {
	for _, seed := range []string{"0", "1.5", "-0.0001", "1e9", "NaN", "..", "99999999999999999999999999999999999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, amount string) {
		m, err := pricing.NewMoney(amount, "EUR")
		if err != nil {
			return
		}
		back, err := pricing.NewMoney(m.Amount(), "EUR")
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", amount, m.Amount(), err)
		}
		if c, err := m.Cmp(back); err != nil || c != 0 {
			t.Fatalf("%q became %s, then %s", amount, m, back)
		}
	})
}

func FuzzParseCeiling(f *testing.F) {
	f.Add("20EUR/month")
	f.Add("0.05 usd/h")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := pricing.ParseCeiling(s)
		if err != nil {
			return
		}
		if _, err := pricing.ParseCeiling(c.String()); err != nil {
			t.Fatalf("%q became %q, which is refused: %v", s, c, err)
		}
	})
}
