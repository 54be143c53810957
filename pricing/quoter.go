package pricing

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Quoter prices many offers by one list for one usage: what can be computed
// once is. It gives the very quotes of List.Quote. It is not safe for concurrent
// use; the list must not change.
type Quoter struct {
	list  *List
	usage Usage
	// ready has every price of the list, nil where one quote is not worth it.
	ready    map[string]*component
	includes bool
	arith    arith
}

// Quoter makes a list ready for a horizon. Prices that are at fault are faults
// of the offers that use them.
func (l *List) Quoter(horizon Horizon) *Quoter { return l.QuoterUsage(horizon.Usage()) }

// QuoterUsage is Quoter for a machine that does not run all the time.
func (l *List) QuoterUsage(usage Usage) *Quoter {
	q := &Quoter{list: l, usage: usage, ready: make(map[string]*component, len(l.Prices))}
	if usage.check() != nil {
		return q
	}
	for _, p := range l.Prices {
		if _, twice := q.ready[p.SKU]; twice {
			continue
		}
		if c, err := newComponent(p, usage); err == nil {
			q.ready[p.SKU] = &c
		}
		q.includes = q.includes || p.Billing != nil && len(p.Billing.Includes) > 0
	}
	return q
}

// Quote prices one offer, as List.Quote does.
func (q *Quoter) Quote(quantities []Quantity) (Quote, error) {
	if len(quantities) == 0 {
		return Quote{}, errors.New("an offer without quantities has no price")
	}
	if err := q.usage.check(); err != nil {
		return Quote{}, fmt.Errorf("horizon: %w", err)
	}
	quantities, err := q.withIncluded(quantities)
	if err != nil {
		return Quote{}, err
	}
	out := Quote{ForHours: q.usage.hours(), ListRevision: q.list.Revision, Lines: make([]Line, 0, len(quantities))}
	if q.usage.Stopped > 0 || q.usage != Horizon(out.ForHours).Usage() {
		usage := q.usage
		out.Usage = &usage
	}
	var hour, total sum
	for i := range quantities {
		if err := q.lines(&out, &quantities[i], &hour, &total); err != nil {
			return Quote{}, fmt.Errorf("sku %.64q: %w", quantities[i].SKU, err)
		}
	}
	out.Hour, out.Total = hour.total(&q.arith), total.total(&q.arith)
	return out, nil
}

func (q *Quoter) component(sku string) (*component, error) {
	if c, ok := q.ready[sku]; ok {
		return c, nil
	}
	p, ok := q.list.Find(sku)
	if !ok {
		return nil, fmt.Errorf("price list %.64q of %s does not have it", q.list.Revision, q.list.AsOf.Format(time.DateOnly))
	}
	c, err := newComponent(p, q.usage)
	return &c, err
}

// lines adds a quantity's line, and that of what sustained use takes off it.
func (q *Quoter) lines(out *Quote, quantity *Quantity, hour, total *sum) error {
	c, err := q.component(quantity.SKU)
	if err != nil {
		return err
	}
	n, err := quantity.read()
	if err != nil {
		return err
	}
	p := &c.price
	if out.Currency == "" {
		out.Currency = p.Amount.currency
		hour.money, total.money = Zero(out.Currency), Zero(out.Currency)
	}
	out.Lines = append(out.Lines, Line{
		Kind: p.Kind, SKU: p.SKU, Quantity: *quantity, Unit: p.Unit, UnitPrice: p.Amount,
		Hour: Zero(p.Amount.currency), Total: Zero(p.Amount.currency),
		Source: q.list.Source, AsOf: q.list.AsOf, Family: p.Family, Billing: p.Billing,
	})
	line := &out.Lines[len(out.Lines)-1]
	if p.Source != "" {
		line.Source = p.Source
	}
	if !p.AsOf.IsZero() {
		line.AsOf = p.AsOf
	}
	if p.Billing != nil {
		line.BilledSeconds = c.counted
	}
	if quantity.Included {
		return total.add(&q.arith, &amount{money: line.Total})
	}
	if err := q.amounts(c, &n, line, hour, total); err != nil {
		return err
	}
	if c.waived.num == 0 {
		return nil
	}
	off, err := q.arith.times(&p.Amount, &n.amount, n.divisor, c.waived)
	if err != nil {
		return err
	}
	off = off.neg()
	discount := *line
	discount.Kind, discount.Hour, discount.Total = KindDiscount, Zero(out.Currency), off.money
	discount.Text = sustainedUse
	out.Lines = append(out.Lines, discount)
	return total.add(&q.arith, &off)
}

func (q *Quoter) amounts(c *component, n *number, line *Line, hour, total *sum) error {
	if c.hour.num != 0 {
		a, err := q.arith.times(&c.price.Amount, &n.amount, n.divisor, c.hour)
		if err != nil {
			return err
		}
		line.Hour = a.money
		if err := hour.add(&q.arith, &a); err != nil {
			return err
		}
	}
	a, err := q.arith.times(&c.price.Amount, &n.amount, n.divisor, c.total)
	if err != nil {
		return err
	}
	line.Total = a.money
	return total.add(&q.arith, &a)
}

// sustainedUse is the text of the lines that tiers make.
const sustainedUse = "sustained use"

// number is a quantity that has been read.
type number struct {
	amount  apd.Decimal
	divisor uint64
}

func (q *Quantity) read() (number, error) {
	n := number{divisor: uint64(max(q.Divisor, 1))}
	if whole, decimals, ok := smallDecimal(q.Amount); ok {
		n.amount.Coeff.SetUint64(whole)
		n.amount.Exponent = -int32(decimals)
	} else {
		var err error
		if n.amount, err = parseDecimal(q.Amount); err != nil {
			return number{}, err
		}
	}
	if n.amount.Sign() <= 0 || q.Divisor < 0 {
		return number{}, fmt.Errorf("quantity %.40s/%d is not positive", q.Amount, q.Divisor)
	}
	return n, nil
}

// smallDecimal reads a plain decimal of at most 18 digits without a sign, as a
// whole number over a power of ten.
func smallDecimal(s string) (whole uint64, decimals int, ok bool) {
	if len(s) == 0 || len(s) > 18 {
		return 0, 0, false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			whole = whole*10 + uint64(c-'0')
		case c == '.' && decimals == 0 && i > 0 && i < len(s)-1:
			decimals = len(s) - 1 - i
		default:
			return 0, 0, false
		}
	}
	return whole, decimals, true
}
