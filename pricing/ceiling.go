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

// Below reports whether the ceiling is below the quote's native total, scaled
// from the quote's horizon to the ceiling's span. The comparison is exact, and by
// what both are worth in the base of the rates where the currencies differ; it is
// an error then if one has no rate. Rates may be nil.
func (c Ceiling) Below(q Quote, rates *Rates) (bool, error) {
	if !c.IsSet() {
		return false, nil
	}
	want, err := c.amount.times(apd.New(int64(q.ForHours), 0))
	if err != nil {
		return false, err
	}
	have, err := q.Native().times(apd.New(int64(c.span), 0))
	if err != nil {
		return false, err
	}
	above, err := rates.Compare(have, want)
	return above > 0, err
}

// Show is the quote's native total over the ceiling's span and in its currency,
// rounded up to four decimals, in the form of String. Without a rate for that it
// stays in the native currency.
func (c Ceiling) Show(q Quote, rates *Rates) string {
	native := q.Native()
	factor, divisor, code := apd.New(int64(c.span), 0), apd.New(int64(max(q.ForHours, 1)), 0), native.currency
	if code != c.amount.currency {
		into, noRate := rates.rate(c.amount.currency)
		from, err := rates.rate(code)
		if noRate == nil && err == nil {
			code = c.amount.currency
			_, _ = exact().Mul(factor, factor, into)
			_, _ = exact().Mul(divisor, divisor, from)
		}
	}
	ctx := exact()
	ctx.Rounding = apd.RoundCeiling
	var r apd.Decimal
	_, _ = exact().Mul(&r, &native.amount, factor)
	_, _ = ctx.Quo(&r, &r, divisor)
	if _, err := ctx.Quantize(&r, &r, -4); err != nil {
		return native.String()
	}
	return r.Text('f') + code + "/" + c.span.String()
}
