package pricing

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Ceiling is the most that somebody will pay over a span, such as 20 EUR a
// month. The zero value is no ceiling.
type Ceiling struct {
	amount Money
	span   Horizon
}

// ParseCeiling reads an amount, a currency and a span, such as 20EUR/month,
// "0.05 USD/h" or 200EUR/1y.
func ParseCeiling(s string) (Ceiling, error) {
	bad := func(err error) error {
		return fmt.Errorf("price %.40q: want an amount, a currency and a span, such as 20EUR/month or 0.05EUR/h: %w", s, err)
	}
	price, span, ok := strings.Cut(s, "/")
	if !ok {
		return Ceiling{}, bad(fmt.Errorf("no span"))
	}
	price = strings.TrimSpace(price)
	if len(price) < 4 {
		return Ceiling{}, bad(fmt.Errorf("no currency"))
	}
	m, err := NewMoney(strings.TrimSpace(price[:len(price)-3]), strings.ToUpper(price[len(price)-3:]))
	if err != nil {
		return Ceiling{}, bad(err)
	}
	if m.Sign() < 0 {
		return Ceiling{}, bad(fmt.Errorf("%s is negative", m))
	}
	span = strings.TrimSpace(span)
	if span == "h" || span == "d" || span == "w" || span == "y" {
		span = "1" + span
	}
	h, err := ParseHorizon(span)
	if err != nil {
		return Ceiling{}, bad(err)
	}
	return Ceiling{amount: m, span: h}, nil
}

// IsSet tells a ceiling from none.
func (c Ceiling) IsSet() bool { return c.amount.IsSet() }

// Currency is that of the amount; empty without a ceiling.
func (c Ceiling) Currency() string { return c.amount.Currency() }

// String is the ceiling as it is written, such as 20EUR/month.
func (c Ceiling) String() string {
	if !c.IsSet() {
		return ""
	}
	return c.amount.Amount() + c.amount.Currency() + "/" + c.span.String()
}

// Below reports whether the ceiling is below the quote's total, scaled from the
// quote's horizon to the ceiling's span. The comparison is exact. A quote in
// another currency is an error.
func (c Ceiling) Below(q Quote) (bool, error) {
	if !c.IsSet() {
		return false, nil
	}
	if q.Currency != c.amount.currency {
		return false, mismatch(c.amount, q.Total)
	}
	var want, have apd.Decimal
	if _, err := exact().Mul(&want, &c.amount.amount, apd.New(int64(q.ForHours), 0)); err != nil {
		return false, err
	}
	if _, err := exact().Mul(&have, &q.Total.amount, apd.New(int64(c.span), 0)); err != nil {
		return false, err
	}
	return have.Cmp(&want) > 0, nil
}

// Show is the quote's total over the ceiling's span, rounded up to four
// decimals, in the form of String.
func (c Ceiling) Show(q Quote) string {
	scaled, err := q.Total.scale(apd.New(int64(c.span), 0), apd.New(int64(max(q.ForHours, 1)), 0))
	if err != nil {
		return q.Total.String()
	}
	ctx := exact()
	ctx.Rounding = apd.RoundCeiling
	var r apd.Decimal
	if _, err := ctx.Quantize(&r, &scaled.amount, -4); err != nil {
		return scaled.String()
	}
	return r.Text('f') + q.Currency + "/" + c.span.String()
}
