package pricing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bojanz/currency"
	"github.com/cockroachdb/apd/v3"
)

// Rates say how much of other currencies one unit of a base buys on a day. They
// are immutable and safe for concurrent use. Nil has none: what is in one currency
// can be compared all the same.
type Rates struct {
	base   string
	asOf   time.Time
	source string
	rates  map[string]apd.Decimal
}

// ErrNoRate is the error of a currency that the rates do not have.
var ErrNoRate = errors.New("no exchange rate")

// NewRates checks rates and reports all faults at once: an unknown currency, the
// base among them, a rate that is not a positive decimal between 1e-6 and 1e6,
// no date, no source. The base needs no rate: it buys 1 of itself.
func NewRates(base string, asOf time.Time, source string, rates map[string]string) (*Rates, error) {
	r := &Rates{base: base, asOf: asOf, source: source, rates: make(map[string]apd.Decimal, len(rates)+1)}
	var faults []error
	if base == "" || !currency.IsValid(base) {
		faults = append(faults, fmt.Errorf("base currency %.20q: want an ISO 4217 code such as EUR", base))
	}
	if asOf.IsZero() {
		faults = append(faults, errors.New("rates without a date"))
	}
	if source == "" {
		faults = append(faults, errors.New("rates without a source"))
	}
	for _, code := range slices.Sorted(maps.Keys(rates)) {
		d, err := parseDecimal(rates[code])
		switch {
		case code == "" || !currency.IsValid(code):
			faults = append(faults, fmt.Errorf("currency %.20q: want an ISO 4217 code such as USD", code))
		case code == base:
			faults = append(faults, fmt.Errorf("currency %s has a rate against itself", code))
		case err != nil || d.Cmp(apd.New(1, -6)) < 0 || d.Cmp(apd.New(1, 6)) > 0:
			faults = append(faults, fmt.Errorf("rate %.40q of %s: want a decimal from 0.000001 to 1000000", rates[code], code))
		default:
			r.rates[code] = d
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	r.rates[base] = *apd.New(1, 0)
	return r, nil
}

// Base is the currency that the rates are against.
func (r *Rates) Base() string { return r.base }

// AsOf is the day of the rates.
func (r *Rates) AsOf() time.Time { return r.asOf }

// Source is where the rates are from.
func (r *Rates) Source() string { return r.source }

// Currencies are those that have a rate, the base among them, in order.
func (r *Rates) Currencies() []string { return slices.Sorted(maps.Keys(r.rates)) }

// Has reports whether a currency has a rate.
func (r *Rates) Has(code string) bool {
	_, err := r.rate(code)
	return err == nil
}

// Rate is how much of a currency one unit of the base buys.
func (r *Rates) Rate(code string) (string, error) {
	d, err := r.rate(code)
	if err != nil {
		return "", err
	}
	return d.Text('f'), nil
}

func (r *Rates) rate(code string) (*apd.Decimal, error) {
	if r == nil {
		return nil, fmt.Errorf("%w for %.20q: there are no rates", ErrNoRate, code)
	}
	d, ok := r.rates[code]
	if !ok {
		return nil, fmt.Errorf("%w for %.20q in the rates of %s (%s)", ErrNoRate, code, r.asOf.Format(time.DateOnly), r.source)
	}
	return &d, nil
}

// Compare orders two amounts by what they are worth in the base, exactly: it
// divides nothing and rounds nothing, so that the order is the same whatever
// currency is shown.
func (r *Rates) Compare(a, b Money) (int, error) {
	if a.currency == b.currency && a.IsSet() {
		return a.Cmp(b)
	}
	x, err := r.rate(a.currency)
	if err != nil {
		return 0, err
	}
	y, err := r.rate(b.currency)
	if err != nil {
		return 0, err
	}
	left, err := a.times(y)
	if err != nil {
		return 0, err
	}
	right, err := b.times(x)
	if err != nil {
		return 0, err
	}
	return left.amount.Cmp(&right.amount), nil
}
