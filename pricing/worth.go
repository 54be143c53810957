package pricing

import (
	"cmp"
	"math"

	"github.com/cockroachdb/apd/v3"
)

// Worth is an amount made ready for being compared with many others by the same
// rates.
type Worth struct {
	money Money
	rates *Rates
	// units is the worth in the base, or the amount without rates, in units of
	// 1/unitsPerMoney, cut off. Whatever differs there differs exactly so.
	units int64
}

// Worth makes an amount ready. A currency without a rate is an error; without
// rates, nil, all amounts must be of one currency.
func (r *Rates) Worth(m Money) (Worth, error) {
	rate := apd.New(1, 0)
	if r != nil {
		var err error
		if rate, err = r.rate(m.currency); err != nil {
			return Worth{}, err
		}
	}
	var units apd.Decimal
	if _, err := exact().Mul(&units, &m.amount, apd.New(unitsPerMoney, 0)); err != nil {
		return Worth{}, err
	}
	if _, err := exact().QuoInteger(&units, &units, rate); err != nil {
		return Worth{}, err
	}
	w := Worth{money: m, rates: r}
	var err error
	if w.units, err = units.Int64(); err != nil {
		w.units = math.MaxInt64
		if m.Sign() < 0 {
			w.units = math.MinInt64
		}
	}
	return w, nil
}

// Cmp orders two amounts exactly as Rates.Compare does.
func (w Worth) Cmp(o Worth) int {
	if w.units != o.units {
		return cmp.Compare(w.units, o.units)
	}
	c, err := w.rates.Compare(w.money, o.money)
	if err != nil { // of different currencies and without rates
		return cmp.Compare(w.money.currency, o.money.currency)
	}
	return c
}
