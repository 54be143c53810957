package pricing

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Quantity is how much of a SKU is used: Amount ÷ Divisor. The divisor keeps a
// share such as a third exact.
type Quantity struct {
	SKU string `json:"sku"`
	// Amount is a positive decimal string.
	Amount string `json:"amount"`
	// Divisor is at least 1; 0 is read as 1.
	Divisor int64 `json:"divisor,omitempty"`
	// Text says how the quantity came about.
	Text string `json:"text,omitempty"`
	// Included marks what the provider bundles: a line of zero.
	Included bool `json:"included,omitempty"`
}

// Line is one component of a quote: what it is, how much of it, what it costs.
type Line struct {
	Kind     Kind     `json:"kind"`
	SKU      string   `json:"sku"`
	Quantity Quantity `json:"quantity"`
	Unit     Unit     `json:"unit"`
	// UnitPrice is the price of one unit, as the list has it.
	UnitPrice Money `json:"unit_price"`
	// Hour is the part of an hour's price; nothing for what is paid once.
	Hour Money `json:"hour"`
	// Total is the part of the horizon's price.
	Total  Money     `json:"total"`
	Source string    `json:"source"`
	AsOf   time.Time `json:"as_of"`
}

// Quote is the price of an offer over a horizon. Total is the exact sum of the
// lines' totals, Hour that of their hours.
type Quote struct {
	Currency     string `json:"currency"`
	Hour         Money  `json:"hour"`
	Total        Money  `json:"total"`
	ForHours     int    `json:"for_hours"`
	ListRevision string `json:"list_revision"`
	Lines        []Line `json:"lines"`
}

// Quote multiplies quantities by the list's prices over a horizon, and nothing
// else: the same input gives the same quote wherever and whenever it is
// computed. A SKU that the list lacks, a quantity that is not positive, or an
// empty list of quantities is an error: no price is better than a wrong one.
func (l *List) Quote(quantities []Quantity, horizon Horizon) (Quote, error) {
	if len(quantities) == 0 {
		return Quote{}, errors.New("an offer without quantities has no price")
	}
	if horizon < 1 || horizon > longest {
		return Quote{}, fmt.Errorf("horizon of %d hours: want 1 to %d", horizon, longest)
	}
	q := Quote{ForHours: horizon.Hours(), ListRevision: l.Revision, Lines: make([]Line, 0, len(quantities))}
	for _, quantity := range quantities {
		line, err := l.line(quantity, horizon)
		if err != nil {
			return Quote{}, fmt.Errorf("sku %.64q: %w", quantity.SKU, err)
		}
		if err := q.add(line); err != nil {
			return Quote{}, err
		}
	}
	return q, nil
}

func (q *Quote) add(line Line) error {
	if q.Currency == "" {
		q.Currency = line.Total.Currency()
		q.Hour, q.Total = Zero(q.Currency), Zero(q.Currency)
	}
	hour, err := q.Hour.Add(line.Hour)
	if err != nil {
		return err
	}
	total, err := q.Total.Add(line.Total)
	if err != nil {
		return err
	}
	q.Hour, q.Total, q.Lines = hour, total, append(q.Lines, line)
	return nil
}

func (l *List) line(q Quantity, horizon Horizon) (Line, error) {
	p, ok := l.Find(q.SKU)
	if !ok {
		return Line{}, fmt.Errorf("price list %.64q of %s does not have it", l.Revision, l.AsOf.Format(time.DateOnly))
	}
	if err := p.check(); err != nil {
		return Line{}, err
	}
	amount, err := parseDecimal(q.Amount)
	if err != nil {
		return Line{}, err
	}
	if amount.Sign() <= 0 || q.Divisor < 0 {
		return Line{}, fmt.Errorf("quantity %.40s/%d is not positive", q.Amount, q.Divisor)
	}
	line := Line{
		Kind: p.Kind, SKU: p.SKU, Quantity: q, Unit: p.Unit, UnitPrice: p.Amount,
		Hour: Zero(p.Amount.Currency()), Total: Zero(p.Amount.Currency()),
		Source: l.Source, AsOf: l.AsOf,
	}
	if q.Included {
		return line, nil
	}
	divisor := max(q.Divisor, 1)
	span, err := p.Unit.span()
	if err != nil {
		return Line{}, err
	}
	if span == 0 {
		line.Total, err = p.Amount.scale(&amount, divisor)
		return line, err
	}
	if line.Hour, err = p.Amount.scale(&amount, divisor*span); err != nil {
		return Line{}, err
	}
	var amountHours apd.Decimal
	if _, err := exact().Mul(&amountHours, &amount, apd.New(int64(horizon), 0)); err != nil {
		return Line{}, err
	}
	line.Total, err = p.Amount.scale(&amountHours, divisor*span)
	return line, err
}
