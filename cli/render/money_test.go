package render

import (
	"testing"

	"github.com/mesoncloud/meson/pricing"
)

func eur(t *testing.T, amount string) pricing.Money {
	t.Helper()
	m, err := pricing.NewMoney(amount, "EUR")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRoundingRule(t *testing.T) {
	for amount, want := range map[string]string{
		"1234.5678": "1234.57", "14.6": "14.60", "1": "1.00", "10": "10.00", "0.99996": "1.0000", "0.02": "0.0200",
		"0.0319649": "0.0320", "0.01": "0.0100", "0.0099999": "0.010000", "0.00123456": "0.001235", "0.000000071": "0.00000007100",
		"0": "0.0000", "-3": "-3.00", "-0.5": "-0.5000",
	} {
		if got := Amount(eur(t, amount)); got != want {
			t.Errorf("Amount(%s) = %s, want %s", amount, got, want)
		}
	}
	if got := Price(pricing.Money{}); got != "-" {
		t.Errorf("no money is shown as %q", got)
	}
}

// TestPerMonth: a total for a month is the month; else the hour counts 730 times.
func TestPerMonth(t *testing.T) {
	hour, total := eur(t, "0.02"), eur(t, "15")
	if got := PerMonth(pricing.Quote{Currency: "EUR", Hour: hour, Total: total, ForHours: 730}); got != "15.00" {
		t.Errorf("a month's total is shown as %s", got)
	}
	if got := PerMonth(pricing.Quote{Currency: "EUR", Hour: hour, Total: total, ForHours: 2}); got != "14.60" {
		t.Errorf("730 × 0.02 is shown as %s", got)
	}
}

func TestQuantityIsOneDecimal(t *testing.T) {
	for _, c := range []struct {
		amount  string
		divisor int64
		want    string
	}{
		{"2", 0, "2"},
		{"2.5", 1, "2.5"},
		{"1536", 1024, "1.5"},
		{"1", 3, "0.333333333333333333333333333333"},
		{"4096", 1024, "4"},
	} {
		if got := quantity(pricing.Quantity{Amount: c.amount, Divisor: c.divisor}); got != c.want {
			t.Errorf("%s/%d = %s, want %s", c.amount, c.divisor, got, c.want)
		}
	}
}
