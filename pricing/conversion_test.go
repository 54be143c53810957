package pricing_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/pricing"
)

func TestConvert(t *testing.T) {
	l := list(t, price(t, "core", pricing.KindCompute, pricing.UnitHour, "3"), price(t, "disk", pricing.KindDisk, pricing.UnitGiBMonth, "7"))
	native, err := l.Quote([]pricing.Quantity{{SKU: "core", Amount: "1"}, {SKU: "disk", Amount: "1"}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := madeUp(t)
	q, err := r.Convert(native, "USD")
	if err != nil {
		t.Fatal(err)
	}
	whole(t, q)
	if q.Lines[0].Total.String() != "3.3399 USD" || q.Lines[0].Native.Total.String() != "3 EUR" || q.Lines[0].UnitPrice.String() != "3 EUR" {
		t.Errorf("line is %s, native %s, unit price %s", q.Lines[0].Total, q.Lines[0].Native.Total, q.Lines[0].UnitPrice)
	}
	if fx := q.FX; fx.From != "EUR" || fx.FromRate != "1" || fx.ToRate != "1.1133" || fx.Source != "made up" || !fx.AsOf.Equal(noon()) || q.Native().String() != native.Total.String() {
		t.Errorf("recorded as %+v", fx)
	}
	if _, err := r.Convert(q, "GBP"); err == nil || !strings.Contains(err.Error(), "was converted") {
		t.Errorf("converted twice: %v", err)
	}
	if _, err := r.Convert(q, "USD"); err == nil {
		t.Error("converted twice, into the same")
	}
	if _, err := pricing.Adjust(q, nil, noon(), ""); err == nil {
		t.Error("rules after a conversion were accepted")
	}
	if _, err := r.Convert(native, "CHF"); !errors.Is(err, pricing.ErrNoRate) || !strings.Contains(err.Error(), "CHF") {
		t.Errorf("a currency without a rate: %v", err)
	}
	if same, err := r.Convert(native, "EUR"); err != nil || same.FX != nil {
		t.Errorf("into its own currency: %+v, %v", same.FX, err)
	}
}

// The order is that of the exact worth, and shown in any currency it is still the
// same set of quotes in the same order.
func TestOrderDoesNotDependOnTheCurrencyShown(t *testing.T) {
	rng, r := rand.New(rand.NewPCG(7, 8)), madeUp(t)
	var quotes []pricing.Quote
	for i := range 300 {
		l := list(t, price(t, "x", pricing.KindCompute, pricing.UnitMonth, "1"))
		// Many that are worth nearly, or exactly, the same.
		l.Prices[0].Amount = money(t, []string{"1.1133", "1", "0.87", "163.21", "1.11330000001", "0.99999999999"}[i%6], []string{"USD", "EUR", "GBP", "JPY", "USD", "EUR"}[i%6])
		q, err := l.Quote([]pricing.Quantity{{SKU: "x", Amount: strconv.Itoa(1 + rng.IntN(3)), Divisor: 1 + rng.Int64N(3)}}, 500)
		if err != nil {
			t.Fatal(err)
		}
		quotes = append(quotes, q)
	}
	order := func(quotes []pricing.Quote) []int {
		index := make([]int, len(quotes))
		for i := range index {
			index[i] = i
		}
		slices.SortStableFunc(index, func(a, b int) int {
			c, err := r.Compare(quotes[a].Native(), quotes[b].Native())
			if err != nil {
				t.Fatal(err)
			}
			if want := worth(t, r, quotes[a].Native()).Cmp(worth(t, r, quotes[b].Native())); want != c {
				t.Fatalf("%s and %s compare as %d, want %d", quotes[a].Native(), quotes[b].Native(), c, want)
			}
			return c
		})
		return index
	}
	want := order(quotes)
	for _, code := range r.Currencies() {
		shown := slices.Clone(quotes)
		for i := range shown {
			var err error
			if shown[i], err = r.Convert(quotes[i], code); err != nil {
				t.Fatal(err)
			}
			whole(t, shown[i])
		}
		if !slices.Equal(order(shown), want) {
			t.Errorf("shown in %s, the order changes", code)
		}
	}
	if _, err := r.Compare(money(t, "1", "EUR"), money(t, "1", "CHF")); !errors.Is(err, pricing.ErrNoRate) {
		t.Errorf("a currency without a rate was ranked: %v", err)
	}
}
