package pricing

import (
	"errors"
	"fmt"
)

// contract prices the matched lines anew and takes the difference off; what a
// contract makes dearer is a fault, for a discount never adds.
func (a *adjustment) contract(r *Rule) error {
	var arith arith
	for i := range a.left {
		l := a.quote.Lines[i]
		if !a.matches(r, i) || l.Quantity.Included || a.contracted[i] {
			continue
		}
		if c, err := r.Contract.Cmp(l.UnitPrice); err != nil || c > 0 {
			return errors.Join(err, fmt.Errorf("sku %.64q: the contract's %s is above the list's %s", l.SKU, r.Contract, l.UnitPrice))
		}
		fresh, err := a.price(&arith, &l, r.Contract)
		if err != nil {
			return fmt.Errorf("sku %.64q: %w", l.SKU, err)
		}
		off, err := fresh.plus(a.left[i].neg())
		if err != nil {
			return err
		}
		if a.contracted == nil {
			a.contracted = make(map[int]bool)
		}
		a.contracted[i], a.left[i] = true, fresh
		// Also where it is the list's price: that it holds is what keeps another out.
		if err := a.add(r, Line{SKU: l.SKU, Quantity: l.Quantity, Unit: l.Unit, UnitPrice: r.Contract, Family: l.Family}, off); err != nil {
			return err
		}
	}
	return nil
}

// price is what a line comes to at another price, under the same rules.
func (a *adjustment) price(arith *arith, l *Line, contract Money) (Amounts, error) {
	usage := Horizon(a.quote.ForHours).Usage()
	if a.quote.Usage != nil {
		usage = *a.quote.Usage
	}
	c, err := newComponent(Price{SKU: l.SKU, Kind: l.Kind, Unit: l.Unit, Amount: contract, Free: true, Billing: l.Billing}, usage)
	if err != nil {
		return Amounts{}, err
	}
	n, err := l.Quantity.read()
	if err != nil {
		return Amounts{}, err
	}
	var parts [3]amount
	for i, t := range []term{c.hour, c.total, c.waived} {
		if parts[i], err = arith.times(&contract, &n.amount, n.divisor, t); err != nil {
			return Amounts{}, err
		}
	}
	total, err := parts[1].money.Add(parts[2].money.Neg())
	return Amounts{Hour: parts[0].money, Total: total}, err
}
