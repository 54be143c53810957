package pricing_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/pricing"
)

// Amounts made ready compare as their worth in rational arithmetic does: those
// that differ far behind the comma, equal ones of different currencies, huge and
// negative ones.
func TestWorthIsExact(t *testing.T) {
	rng, r := rand.New(rand.NewPCG(13, 14)), madeUp(t)
	codes := r.Currencies()
	var all []pricing.Money
	for range 200 {
		code := codes[rng.IntN(len(codes))]
		rate, err := r.Rate(code)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(rate, ".") {
			rate += "."
		}
		text := []string{rate + strings.Repeat("0", 12) + strconv.Itoa(rng.IntN(2)), strconv.Itoa(rng.IntN(1000)), strings.Repeat("9", 30), "-" + rate, "0"}[rng.IntN(5)]
		all = append(all, money(t, text, code))
	}
	equal := 0
	for _, a := range all {
		for _, b := range all {
			x, err := r.Worth(a)
			if err != nil {
				t.Fatal(err)
			}
			y, err := r.Worth(b)
			if err != nil {
				t.Fatal(err)
			}
			want := worth(t, r, a).Cmp(worth(t, r, b))
			if got := x.Cmp(y); got != want {
				t.Fatalf("%s and %s compare as %d, want %d", a, b, got, want)
			}
			if want == 0 && a.Currency() != b.Currency() {
				equal++
			}
		}
	}
	if equal == 0 {
		t.Error("no equal amounts of different currencies were compared")
	}
	if _, err := r.Worth(money(t, "1", "CHF")); err == nil {
		t.Error("a currency without a rate has a worth")
	}
	var none *pricing.Rates
	x, err := none.Worth(money(t, "0.1", "CHF"))
	if err != nil {
		t.Fatal(err)
	}
	if y, err := none.Worth(money(t, "0.10000000000000000000000000001", "CHF")); err != nil || x.Cmp(y) != -1 || y.Cmp(x) != 1 {
		t.Errorf("without rates: %v", err)
	}
}
