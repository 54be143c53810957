package pricing

import (
	"fmt"
	"math"

	"github.com/cockroachdb/apd/v3"
)

// withIncluded marks what other SKUs of an offer bring with them. A quantity
// that is included in part becomes two.
func (q *Quoter) withIncluded(quantities []Quantity) ([]Quantity, error) {
	if q.ready != nil && !q.includes {
		return quantities, nil
	}
	free, err := q.allowances(quantities)
	if err != nil || len(free) == 0 {
		return quantities, err
	}
	out := make([]Quantity, 0, len(quantities)+len(free))
	for _, have := range quantities {
		left, ok := free[have.SKU]
		if !ok || have.Included {
			out = append(out, have)
			continue
		}
		n, err := have.read()
		if err != nil {
			return nil, fmt.Errorf("sku %.64q: %w", have.SKU, err)
		}
		// Both as decimals over the allowance's divisor × the quantity's.
		want, err := product(&n.amount, left.divisor)
		if err != nil {
			return nil, err
		}
		there, err := product(&left.amount, n.divisor)
		if err != nil {
			return nil, err
		}
		if want.Cmp(there) <= 0 {
			have.Included = true
			out = append(out, have)
			var rest apd.Decimal
			if _, err := exact().Sub(&rest, there, want); err != nil {
				return nil, err
			}
			if left.divisor > math.MaxInt64/n.divisor {
				return nil, fmt.Errorf("sku %.64q: the divisor %d is too large to share what is included", have.SKU, have.Divisor)
			}
			free[have.SKU] = number{amount: rest, divisor: left.divisor * n.divisor}
			continue
		}
		if there.Sign() > 0 {
			bundled := have
			bundled.Included, bundled.Amount, bundled.Divisor = true, left.amount.Text('f'), int64(left.divisor)
			out = append(out, bundled)
			var rest apd.Decimal
			if _, err := exact().Sub(&rest, want, there); err != nil {
				return nil, err
			}
			if left.divisor > math.MaxInt64/n.divisor {
				return nil, fmt.Errorf("sku %.64q: the divisor %d is too large to share what is included", have.SKU, have.Divisor)
			}
			have.Amount, have.Divisor = rest.Text('f'), int64(left.divisor*n.divisor)
			free[have.SKU] = number{divisor: 1}
		}
		out = append(out, have)
	}
	return out, nil
}

// allowances are what an offer's SKUs include of others, for the whole usage.
func (q *Quoter) allowances(quantities []Quantity) (map[string]number, error) {
	var free map[string]number
	for _, have := range quantities {
		c, err := q.component(have.SKU)
		if err != nil {
			return nil, fmt.Errorf("sku %.64q: %w", have.SKU, err)
		}
		if c.price.Billing == nil {
			continue
		}
		for _, in := range c.price.Billing.Includes {
			if free == nil {
				free = make(map[string]number)
			}
			if _, twice := free[in.SKU]; twice {
				return nil, fmt.Errorf("sku %.64q is included by two of the offer's SKUs: want one", in.SKU)
			}
			if free[in.SKU], err = q.allowance(have, in); err != nil {
				return nil, fmt.Errorf("sku %.64q: %w", have.SKU, err)
			}
		}
	}
	return free, nil
}

func (q *Quoter) allowance(have Quantity, in Inclusion) (number, error) {
	n, err := have.read()
	if err != nil {
		return number{}, err
	}
	one, err := parseDecimal(in.Amount)
	if err != nil {
		return number{}, err
	}
	var all apd.Decimal
	if _, err := exact().Mul(&all, &n.amount, &one); err != nil {
		return number{}, err
	}
	if !in.PerMonth {
		return number{amount: all, divisor: n.divisor}, nil
	}
	seconds := ceilSeconds(q.usage.Running) + ceilSeconds(q.usage.Stopped)
	if n.divisor > math.MaxInt64/monthSeconds {
		return number{}, fmt.Errorf("divisor %d is too large for an amount per month", n.divisor)
	}
	spread, err := product(&all, uint64(seconds))
	if err != nil {
		return number{}, err
	}
	return number{amount: *spread, divisor: n.divisor * monthSeconds}, nil
}
