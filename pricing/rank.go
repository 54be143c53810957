package pricing

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// Item is an offer to be ranked: its quantities, and the quoter of its list.
type Item struct {
	Quoter     *Quoter
	Quantities []Quantity
}

// Ranked is a quote and the place of its item among those that were given.
type Ranked struct {
	Index int
	Quote Quote
}

// Unranked is an item that has no price, or none that can be compared.
type Unranked struct {
	Index int
	Err   error
}

// Cheapest gives the n cheapest items in order, each with its exact quote in its
// native currency. The order is that of the exact totals, worth in the base of
// the rates; equal ones keep the order in which they were given. Rates may be nil
// where all items are in one currency.
//
// A first pass bounds every total from below in integers, so that only those that
// can be among the n are computed in full. The items' quoters are used one after
// another: nobody else may use them meanwhile.
func Cheapest(items []Item, n int, rates *Rates) ([]Ranked, []Unranked) {
	r := ranking{rates: rates, quoters: make(map[*Quoter]*bounds, 1)}
	lows := make([]uint64, len(items))
	top := make(lowest, 0, max(0, min(n, len(items))))
	var faults []Unranked
	for i := range items {
		low, err := r.low(&items[i])
		if err != nil {
			faults = append(faults, Unranked{Index: i, Err: err})
			low = math.MaxUint64
		}
		if lows[i] = low; err == nil && n > 0 {
			// The total is below low + slack: n of those at or below a limit are enough.
			top.keep(low, n)
		}
	}
	if n < 1 {
		return nil, faults
	}
	limit := uint64(math.MaxUint64)
	if len(top) == n {
		limit = saturate(top[0], slack)
	}
	failed := make(map[int]bool, len(faults))
	for _, f := range faults {
		failed[f.Index] = true
	}
	var best []Ranked
	for i, low := range lows {
		if low > limit || failed[i] {
			continue
		}
		q, err := items[i].Quoter.Quote(items[i].Quantities)
		if err == nil {
			err = r.comparable(q)
		}
		if err != nil {
			faults = append(faults, Unranked{Index: i, Err: err})
			continue
		}
		best = append(best, Ranked{Index: i, Quote: q})
	}
	slices.SortStableFunc(best, func(a, b Ranked) int { return r.compare(a.Quote.Total, b.Quote.Total) })
	slices.SortFunc(faults, func(a, b Unranked) int { return cmp.Compare(a.Index, b.Index) })
	return best[:min(n, len(best))], faults
}

// slack is by how many units a total may be above its lower bound: for each of at
// most maxBounded quantities less than 1 for what is cut off in the end, and for
// what was cut off the price less than 2⁻⁶² of a number of 64 bits, which is 4.
const (
	slack      = 8 * maxBounded
	maxBounded = 64
)

// unitsPerMoney is how many units a unit of the base has.
const unitsPerMoney = 1_000_000_000

type ranking struct {
	rates    *Rates
	currency string
	quoters  map[*Quoter]*bounds
	last     *Quoter
	of       *bounds
}

// low is a lower bound of an item's total, less than slack below it.
func (r *ranking) low(it *Item) (uint64, error) {
	if it.Quoter != r.last || r.last == nil {
		if it.Quoter == nil {
			return 0, fmt.Errorf("an offer without a price list")
		}
		if r.quoters[it.Quoter] == nil {
			r.quoters[it.Quoter] = r.bounds(it.Quoter)
		}
		r.last, r.of = it.Quoter, r.quoters[it.Quoter]
	}
	if r.of.fail != nil {
		return 0, r.of.fail
	}
	if it.Quoter.includes || len(it.Quantities) > maxBounded || len(it.Quantities) == 0 {
		return r.exact(it)
	}
	var sum uint64
	for i := range it.Quantities {
		q := &it.Quantities[i]
		b, known := r.of.skus[q.SKU]
		amount, by, ok := q.small()
		if !known || !b.ok || !ok {
			return r.exact(it)
		}
		if q.Included {
			continue
		}
		hi, lo := bits.Mul64(b.m, amount)
		if by > 1 {
			rest := hi % by
			hi /= by
			lo, _ = bits.Div64(rest, lo, by)
		}
		switch {
		case b.shift >= 128:
			lo = 0
		case b.shift >= 64:
			lo = hi >> (b.shift - 64)
		case hi>>b.shift != 0:
			lo = math.MaxUint64
		default:
			lo = lo>>b.shift | hi<<(64-b.shift)
		}
		sum = saturate(sum, lo)
	}
	return sum, nil
}

func saturate(a, b uint64) uint64 {
	s, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return s
}

// small reads a quantity of at most 18 digits: amount ÷ by.
func (q *Quantity) small() (amount, by uint64, ok bool) {
	amount, decimals, ok := smallDecimal(q.Amount)
	if !ok || amount == 0 || q.Divisor < 0 {
		return 0, 0, false
	}
	over, by := bits.Mul64(pow10(decimals), uint64(max(q.Divisor, 1)))
	return amount, by, over == 0
}

// exact is the lower bound of an item that integers of 64 bits are too small for.
func (r *ranking) exact(it *Item) (uint64, error) {
	q, err := it.Quoter.Quote(it.Quantities)
	if err != nil {
		return 0, err
	}
	if err := r.comparable(q); err != nil {
		return 0, err
	}
	total, ok := new(big.Rat).SetString(q.Total.Amount())
	if !ok {
		return 0, fmt.Errorf("total %s", q.Total)
	}
	total.Mul(total, r.factor(q.Currency))
	floor := new(big.Int).Quo(total.Num(), total.Denom())
	if floor.Sign() < 0 {
		return 0, nil
	}
	if !floor.IsUint64() {
		return math.MaxUint64, nil
	}
	return floor.Uint64(), nil
}

// comparable reports why a quote cannot be ranked with the others.
func (r *ranking) comparable(q Quote) error { return r.admit(q.Currency) }

func (r *ranking) admit(currency string) error {
	if r.rates != nil {
		_, err := r.rates.rate(currency)
		return err
	}
	if r.currency == "" {
		r.currency = currency
	}
	if r.currency != currency {
		return fmt.Errorf("%s among %s, and no exchange rates", currency, r.currency)
	}
	return nil
}

func (r *ranking) compare(a, b Money) int {
	c, err := 0, error(nil)
	if r.rates != nil {
		c, err = r.rates.Compare(a, b)
	} else {
		c, err = a.Cmp(b)
	}
	if err != nil {
		return 0
	}
	return c
}

// factor is how many units an amount of 1 in a currency is.
func (r *ranking) factor(currency string) *big.Rat {
	f := big.NewRat(unitsPerMoney, 1)
	if r.rates == nil {
		return f
	}
	d, err := r.rates.rate(currency)
	if err != nil {
		return f
	}
	rate, _ := new(big.Rat).SetString(d.Text('f'))
	return f.Quo(f, rate)
}
