package pricing

import (
	"time"
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
	// Family is the price's.
	Family string `json:"family,omitempty"`
	// Text says what a line that a rule added is.
	Text string `json:"text,omitempty"`
	// Billing are the rules that the time was billed by, where there are some, and
	// BilledSeconds the time that they count before any cap or tier.
	Billing       *Billing `json:"billing,omitempty"`
	BilledSeconds int64    `json:"billed_seconds,omitempty"`
	// Percent and Base are those of a line that is a share of others.
	Percent string `json:"percent,omitempty"`
	Base    Money  `json:"base,omitzero"`
	// Rule is the one that added the line; nil for what the list gives.
	Rule *Rule `json:"rule,omitempty"`
	// Native are the amounts before a conversion, where there was one.
	Native *Amounts `json:"native,omitempty"`
}

// Amounts are what a line or a quote costs in an hour and over the horizon.
type Amounts struct {
	Hour  Money `json:"hour"`
	Total Money `json:"total"`
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
	// Usage is set where it is other than running all the time.
	Usage *Usage `json:"usage,omitempty"`
	// FX is the conversion that the amounts went through; nil for none.
	FX *Conversion `json:"fx,omitempty"`
}

// Spot reports whether a part of the quote may be taken back by the provider.
func (q Quote) Spot() bool {
	for i := range q.Lines {
		if b := q.Lines[i].Billing; b != nil && b.Spot {
			return true
		}
	}
	return false
}

// Quote multiplies quantities by the list's prices over a horizon under their
// billing rules, and nothing else: the same input gives the same quote wherever
// and whenever it is computed. A SKU that the list lacks, a quantity that is not
// positive, or an empty list of quantities is an error: no price is better than
// a wrong one.
//
// Every amount of a line is price × quantity × time, divided once, and rounded
// once to Digits significant digits where the quotient is not finite. Sums are
// exact.
func (l *List) Quote(quantities []Quantity, horizon Horizon) (Quote, error) {
	return l.QuoteUsage(quantities, horizon.Usage())
}

// QuoteUsage is Quote for a machine that does not run all the time.
func (l *List) QuoteUsage(quantities []Quantity, usage Usage) (Quote, error) {
	q := Quoter{list: l, usage: usage}
	return q.Quote(quantities)
}
