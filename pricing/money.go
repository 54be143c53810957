package pricing

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bojanz/currency"
	"github.com/cockroachdb/apd/v3"
)

// Digits is the number of significant digits that a division keeps (IEEE 754
// decimal128). Sums and products of what Meson handles are exact.
const Digits = 34

// Money is an exact decimal amount of one ISO 4217 currency. The zero value is
// no money at all: IsSet tells it from an amount of zero. A Money is immutable
// and safe for concurrent use.
type Money struct {
	amount   apd.Decimal
	currency string
}

// NewMoney reads a decimal string such as "0.031611" as an amount of the given
// currency. NaN, infinities, exponents beyond ±30 and unknown currencies are
// refused; a negative amount is not (a discount is one).
func NewMoney(amount, code string) (Money, error) {
	return newMoney(amount, code, parseDecimal)
}

func newMoney(amount, code string, parse func(string) (apd.Decimal, error)) (Money, error) {
	if code == "" || !currency.IsValid(code) {
		return Money{}, fmt.Errorf("currency %q: want an ISO 4217 code such as EUR", code)
	}
	d, err := parse(amount)
	if err != nil {
		return Money{}, err
	}
	return Money{amount: d, currency: code}, nil
}

// Zero is an amount of nothing in the given currency, which must be valid.
func Zero(code string) Money { return Money{currency: code} }

// IsSet reports whether m is an amount of a currency.
func (m Money) IsSet() bool { return m.currency != "" }

// Currency is the ISO 4217 code, empty for the zero value.
func (m Money) Currency() string { return m.currency }

// Sign is -1, 0 or 1.
func (m Money) Sign() int { return m.amount.Sign() }

// Amount is the exact amount as a decimal string without exponent.
func (m Money) Amount() string {
	var r apd.Decimal
	r.Reduce(&m.amount)
	return r.Text('f')
}

// Round is the amount rounded half to even to the given number of decimals,
// for display only.
func (m Money) Round(decimals int) string {
	var r apd.Decimal
	if _, err := exact().Quantize(&r, &m.amount, -int32(decimals)); err != nil {
		return m.Amount()
	}
	return r.Text('f')
}

// String is the exact amount and the currency, such as "3.00 EUR".
func (m Money) String() string {
	if !m.IsSet() {
		return "no price"
	}
	return m.Amount() + " " + m.currency
}

// Cmp orders two amounts of the same currency.
func (m Money) Cmp(o Money) (int, error) {
	if m.currency != o.currency {
		return 0, mismatch(m, o)
	}
	return m.amount.Cmp(&o.amount), nil
}

// Add sums two amounts of the same currency.
func (m Money) Add(o Money) (Money, error) {
	if m.currency != o.currency {
		return Money{}, mismatch(m, o)
	}
	r := Money{currency: m.currency}
	if _, err := exact().Add(&r.amount, &m.amount, &o.amount); err != nil {
		return Money{}, fmt.Errorf("add %s and %s: %w", m, o, err)
	}
	return r, nil
}

// Neg is -m.
func (m Money) Neg() Money {
	m.amount.Negative = !m.amount.Negative && m.Sign() != 0
	return m
}

// times is the exact product.
func (m Money) times(d *apd.Decimal) (Money, error) {
	r := Money{currency: m.currency}
	condition, err := exact().Mul(&r.amount, &m.amount, d)
	if err == nil && condition.Inexact() {
		err = fmt.Errorf("%s × %s has too many digits", m, d)
	}
	return r, err
}

// scale is m × factor ÷ divisor with one rounding at the end, to Digits
// significant digits, half to even. It is exact where the quotient is finite
// within them.
func (m Money) scale(factor, divisor *apd.Decimal) (Money, error) {
	var product apd.Decimal
	if _, err := exact().Mul(&product, &m.amount, factor); err != nil {
		return Money{}, fmt.Errorf("multiply %s: %w", m, err)
	}
	r := Money{currency: m.currency}
	ctx := apd.BaseContext.WithPrecision(Digits)
	ctx.Rounding = apd.RoundHalfEven
	if _, err := ctx.Quo(&r.amount, &product, divisor); err != nil {
		return Money{}, fmt.Errorf("divide %s: %w", m, err)
	}
	return r, nil
}

// MarshalJSON writes {"amount":"0.0125","currency":"EUR"}, or null.
func (m Money) MarshalJSON() ([]byte, error) {
	if !m.IsSet() {
		return []byte("null"), nil
	}
	return json.Marshal(moneyJSON{Amount: m.Amount(), Currency: m.currency})
}

// UnmarshalJSON reads what MarshalJSON writes. What was computed, a third of a
// cent or a share of a month, has more decimals than what may be entered.
func (m *Money) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*m = Money{}
		return nil
	}
	var j moneyJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	v, err := newMoney(j.Amount, j.Currency, parseComputed)
	if err != nil {
		return err
	}
	*m = v
	return nil
}

type moneyJSON struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

func mismatch(a, b Money) error {
	return fmt.Errorf("%s and %s are of different currencies", a, b)
}

// exact is a context in which sums and products of prices, quantities and hours
// do not round: each has at most 30+30 digits.
func exact() *apd.Context {
	c := apd.BaseContext.WithPrecision(200)
	c.Rounding = apd.RoundHalfEven
	return c
}

// parseDecimal reads a plain decimal string of at most 60 characters.
func parseDecimal(s string) (apd.Decimal, error) { return parseWithin(s, 60, 30, 50) }

// parseComputed reads what any amount of Meson's own making looks like.
func parseComputed(s string) (apd.Decimal, error) { return parseWithin(s, 160, 120, 120) }

func parseWithin(s string, length, decimals int, digits int64) (apd.Decimal, error) {
	bad := fmt.Errorf("amount %.40q: want a decimal number such as 0.0125", s)
	if s == "" || len(s) > length || strings.Trim(s, "+-.0123456789") != "" {
		return apd.Decimal{}, bad
	}
	d, _, err := apd.NewFromString(s)
	if err != nil || d.Form != apd.Finite || int(d.Exponent) < -decimals || d.NumDigits() > digits {
		return apd.Decimal{}, bad
	}
	return *d, nil
}
