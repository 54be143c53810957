package render

import (
	"math/big"
	"strings"

	"github.com/mesoncloud/meson/pricing"
)

// RoundingRule is how prices are rounded for people, as help texts state it.
const RoundingRule = "Prices in tables are rounded: to two decimals from 1 up, to four below, and to\n" +
	"four significant digits below 0.01. JSON and YAML have them exact."

// Amount is m rounded by RoundingRule, half to even, without its currency;
// "-" for no money.
func Amount(m pricing.Money) string {
	if !m.IsSet() {
		return "-"
	}
	return m.Round(decimals(m.Amount()))
}

// Price is Amount with the currency.
func Price(m pricing.Money) string {
	if !m.IsSet() {
		return "-"
	}
	return Amount(m) + " " + m.Currency()
}

// decimals counts those that RoundingRule keeps of a plain decimal string.
func decimals(amount string) int {
	whole, fraction, _ := strings.Cut(strings.TrimLeft(amount, "+-"), ".")
	if strings.Trim(whole, "0") != "" {
		return 2
	}
	zeros := len(fraction) - len(strings.TrimLeft(fraction, "0"))
	if zeros < 2 || zeros == len(fraction) {
		return 4
	}
	return min(zeros+4, 30)
}

// PerMonth is what a quote comes to over 730 hours, rounded for people: its
// total where that is its horizon, else 730 times the hour, which leaves out
// what is paid once.
func PerMonth(q pricing.Quote) string {
	if q.ForHours == pricing.HoursPerMonth || !q.Hour.IsSet() {
		return Amount(q.Total)
	}
	hour, ok := new(big.Rat).SetString(q.Hour.Amount())
	if !ok {
		return "-"
	}
	hour.Mul(hour, big.NewRat(pricing.HoursPerMonth, 1))
	month, err := pricing.NewMoney(hour.FloatString(20), q.Currency)
	if err != nil {
		return "-"
	}
	return Amount(month)
}

// quantity is a quantity as one decimal string: exact where it is finite, else
// to 30 decimals.
func quantity(q pricing.Quantity) string {
	if q.Divisor <= 1 {
		return q.Amount
	}
	r, ok := new(big.Rat).SetString(q.Amount)
	if !ok {
		return q.Amount
	}
	r.Quo(r, big.NewRat(q.Divisor, 1))
	if n, exact := r.FloatPrec(); exact {
		return r.FloatString(n)
	}
	return r.FloatString(30)
}
