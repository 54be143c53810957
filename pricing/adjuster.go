package pricing

import (
	"errors"
	"fmt"
	"time"
)

// Adjust applies rules to a quote that begins at a time, and adds taxNote, where
// there is one, as a line of nothing. The quote must be as its list gave it: in
// its native currency and without earlier rules.
//
// The stages apply in their order: contract prices, then discounts in percent,
// then rebates, then the provider's fees, then the operator's. A percentage is
// of what the lines before it left of the lines it matches: what is printed is
// what it was computed from, and the product is exact. An amount is for the
// whole span. The lines that rules add point at their rules, which must not
// change any more; otherwise the result shares nothing with what was given.
func Adjust(q Quote, rules []Rule, begin time.Time, taxNote string) (Quote, error) {
	d, err := NewAdjuster(rules, begin, taxNote)
	if err != nil {
		return Quote{}, err
	}
	return d.Adjust(q)
}

// Adjuster applies the same rules to many quotes. It is safe for concurrent use.
type Adjuster struct {
	rules   []Rule
	begin   time.Time
	taxNote string
}

// NewAdjuster checks rules, which must not change any more, as CheckRules does.
func NewAdjuster(rules []Rule, begin time.Time, taxNote string) (*Adjuster, error) {
	if err := CheckRules(rules); err != nil {
		return nil, err
	}
	return &Adjuster{rules: rules, begin: begin, taxNote: taxNote}, nil
}

// Adjust is what the function Adjust does.
func (d *Adjuster) Adjust(q Quote) (Quote, error) {
	if q.FX != nil {
		return Quote{}, fmt.Errorf("the quote was converted from %s: rules come before a conversion", q.FX.From)
	}
	a := adjustment{quote: q, left: make([]Amounts, len(q.Lines))}
	a.quote.Lines = append(make([]Line, 0, len(q.Lines)+len(d.rules)+1), q.Lines...)
	for i, l := range q.Lines {
		if l.Kind == KindFee || l.Kind == KindTax || l.Kind == KindDiscount && l.Text != sustainedUse {
			return Quote{}, errors.New("rules were applied to the quote before")
		}
		a.left[i] = Amounts{Hour: l.Hour, Total: l.Total}
		if l.Kind != KindDiscount || i == 0 {
			continue
		}
		// What sustained use takes off is part of the line that it follows.
		net, err := a.left[i-1].plus(a.left[i])
		if err != nil {
			return Quote{}, err
		}
		a.left[i-1], a.left[i] = net, Amounts{Hour: Zero(q.Currency), Total: Zero(q.Currency)}
	}
	end := d.begin.Add(time.Duration(q.ForHours) * time.Hour)
	for _, stage := range stages() {
		for i := range d.rules {
			if r := &d.rules[i]; r.Stage == stage && r.holds(d.begin, end) {
				if err := a.apply(r); err != nil {
					return Quote{}, fmt.Errorf("rule %.64q: %w", r.Name, err)
				}
			}
		}
	}
	if d.taxNote != "" {
		a.append(Line{Kind: KindTax, Text: d.taxNote, Hour: Zero(q.Currency), Total: Zero(q.Currency)})
	}
	return a.quote, nil
}
