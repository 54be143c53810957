package pricing_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func rat(t *testing.T, m pricing.Money) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(m.Amount())
	if !ok {
		t.Fatalf("%s is not a number", m)
	}
	return r
}

// madeUp are rates for tests: nobody's.
func madeUp(t testing.TB) *pricing.Rates {
	t.Helper()
	r, err := pricing.NewRates("EUR", noon(), "made up", map[string]string{"USD": "1.1133", "GBP": "0.87", "JPY": "163.21"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// worth is an amount in the base of the rates, as a rational.
func worth(t *testing.T, r *pricing.Rates, m pricing.Money) *big.Rat {
	t.Helper()
	text, err := r.Rate(m.Currency())
	if err != nil {
		t.Fatal(err)
	}
	rate, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("rate %q", text)
	}
	return rate.Quo(rat(t, m), rate)
}

func TestNewRatesNamesEveryFault(t *testing.T) {
	_, err := pricing.NewRates("XQQ", time.Time{}, "", map[string]string{"USD": "0", "GBP": "-1", "JPY": "1e3", "ABC": "1", "CHF": "NaN", "SEK": "1000001"})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{`base currency "XQQ"`, "without a date", "without a source", `"0" of USD`, `"-1" of GBP`, `"1e3" of JPY`, `"ABC"`, `"NaN" of CHF`, `"1000001" of SEK`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among the faults:\n%v", want, err)
		}
	}
	if _, err := pricing.NewRates("EUR", noon(), "s", map[string]string{"EUR": "1"}); err == nil {
		t.Error("the base has a rate against itself")
	}
}

// The order of amounts is that of rational arithmetic, equal ones included.
func TestCompareIsExact(t *testing.T) {
	rng, r := rand.New(rand.NewPCG(9, 10)), madeUp(t)
	codes := r.Currencies()
	amount := func() pricing.Money {
		code := codes[rng.IntN(len(codes))]
		rate, err := r.Rate(code)
		if err != nil {
			t.Fatal(err)
		}
		// Worth 1, or a last digit more or less.
		return money(t, rate+strings.Repeat("0", 8)+[]string{"0", "1"}[rng.IntN(2)], code)
	}
	equal := 0
	for range 2000 {
		a, b := amount(), amount()
		got, err := r.Compare(a, b)
		if want := worth(t, r, a).Cmp(worth(t, r, b)); err != nil || got != want {
			t.Fatalf("%s and %s compare as %d, %v; want %d", a, b, got, err, want)
		}
		if got == 0 && a.Currency() != b.Currency() {
			equal++
		}
	}
	if equal == 0 {
		t.Error("no equal amounts of different currencies were compared")
	}
	for _, bad := range []pricing.Money{money(t, strconv.Itoa(1), "CHF"), {}} {
		if _, err := r.Compare(money(t, "1", "EUR"), bad); !errors.Is(err, pricing.ErrNoRate) {
			t.Errorf("%s was ranked: %v", bad, err)
		}
	}
}
