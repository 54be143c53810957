package pricing

import (
	"fmt"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Conversion is how a quote came from its native currency into another: each
// amount × ToRate ÷ FromRate, rounded once to Digits significant digits.
type Conversion struct {
	// From is the native currency. One unit of Base buys FromRate of it, and ToRate
	// of the quote's own.
	From     string    `json:"from"`
	Base     string    `json:"base"`
	FromRate string    `json:"from_rate"`
	ToRate   string    `json:"to_rate"`
	AsOf     time.Time `json:"as_of"`
	Source   string    `json:"source"`
	// Native are the sums before the conversion; those are what orders quotes.
	Native Amounts `json:"native"`
}

// Native is the quote's total in the currency of its list.
func (q Quote) Native() Money { return q.NativeAmounts().Total }

// NativeAmounts are the quote's sums in the currency of its list.
func (q Quote) NativeAmounts() Amounts {
	if q.FX != nil {
		return q.FX.Native
	}
	return Amounts{Hour: q.Hour, Total: q.Total}
}

// Convert gives a quote in another currency, with the rates recorded on it and
// every line's native amounts kept; unit prices stay those of the list. The total
// is the exact sum of the converted lines. A quote that was converted before is
// an error, and so is a currency without a rate. A quote that is in the currency
// is returned as it is.
func (r *Rates) Convert(q Quote, to string) (Quote, error) {
	if q.FX != nil {
		return Quote{}, fmt.Errorf("the quote was converted from %s to %s: want it in its native currency", q.FX.From, q.Currency)
	}
	if q.Currency == to {
		return q, nil
	}
	from, err := r.rate(q.Currency)
	if err != nil {
		return Quote{}, err
	}
	into, err := r.rate(to)
	if err != nil {
		return Quote{}, err
	}
	out := q
	out.FX = &Conversion{
		From: q.Currency, Base: r.base, FromRate: from.Text('f'), ToRate: into.Text('f'), AsOf: r.asOf, Source: r.source,
		Native: Amounts{Hour: q.Hour, Total: q.Total},
	}
	out.Currency, out.Lines = to, make([]Line, len(q.Lines))
	sums := Amounts{Hour: Zero(to), Total: Zero(to)}
	for i, l := range q.Lines {
		native := Amounts{Hour: l.Hour, Total: l.Total}
		converted, err := native.convert(into, from, to)
		if err != nil {
			return Quote{}, fmt.Errorf("sku %.64q: %w", l.SKU, err)
		}
		if sums, err = sums.plus(converted); err != nil {
			return Quote{}, err
		}
		l.Hour, l.Total, l.Native = converted.Hour, converted.Total, &native
		out.Lines[i] = l
	}
	out.Hour, out.Total = sums.Hour, sums.Total
	return out, nil
}

func (v Amounts) convert(into, from *apd.Decimal, to string) (Amounts, error) {
	hour, err := v.Hour.scale(into, from)
	if err != nil {
		return Amounts{}, err
	}
	total, err := v.Total.scale(into, from)
	hour.currency, total.currency = to, to
	return Amounts{Hour: hour, Total: total}, err
}
