package pricing

import (
	"errors"
	"fmt"
	"time"
)

// Verify computes a quote again from what it was made of: the list, the offer's
// quantities, and the rules and exchange rates that its lines record. It is nil
// where every line and both sums come out to the last digit, and else says what
// does not. Dates and sources are not compared: a list that was read again bears
// another day.
func (q Quote) Verify(l *List, quantities []Quantity) error {
	if l.Revision != q.ListRevision {
		return fmt.Errorf("price list %.64q: the quote refers to %.64q", l.Revision, q.ListRevision)
	}
	usage := Horizon(q.ForHours).Usage()
	if q.Usage != nil {
		usage = *q.Usage
	}
	again, err := l.QuoteUsage(quantities, usage)
	if err != nil {
		return err
	}
	rules, note := q.recorded()
	if again, err = Adjust(again, rules, time.Time{}, note); err != nil {
		return err
	}
	if f := q.FX; f != nil {
		rates, err := f.rates(q.Currency)
		if err != nil {
			return err
		}
		if again, err = rates.Convert(again, q.Currency); err != nil {
			return err
		}
	}
	return q.same(again)
}

// recorded are the rules that the lines record, without their bounds in time,
// since they held, and the tax note.
func (q Quote) recorded() (rules []Rule, note string) {
	for i := range q.Lines {
		switch l := &q.Lines[i]; {
		case l.Kind == KindTax:
			note = l.Text
		case l.Rule != nil:
			// Once for each line: what a contract has priced it leaves alone then.
			r := *l.Rule
			r.From, r.Until = time.Time{}, time.Time{}
			rules = append(rules, r)
		}
	}
	return rules, note
}

// rates are those of a conversion.
func (c *Conversion) rates(to string) (*Rates, error) {
	rates := map[string]string{c.From: c.FromRate, to: c.ToRate}
	delete(rates, c.Base)
	return NewRates(c.Base, c.AsOf, c.Source, rates)
}

func (q Quote) same(o Quote) error {
	var faults []error
	fault := func(what string, was, is fmt.Stringer) {
		if was.String() != is.String() {
			faults = append(faults, fmt.Errorf("%s: %s recorded, %s computed again", what, was, is))
		}
	}
	fault("total", q.Total, o.Total)
	fault("hour", q.Hour, o.Hour)
	fault("native total", q.Native(), o.Native())
	if len(q.Lines) != len(o.Lines) {
		faults = append(faults, fmt.Errorf("%d lines recorded, %d computed again", len(q.Lines), len(o.Lines)))
		return errors.Join(faults...)
	}
	for i := range q.Lines {
		was, is := &q.Lines[i], &o.Lines[i]
		name := fmt.Sprintf("line %d, %s %.64s", i+1, was.Kind, was.SKU+was.Text)
		if was.Kind != is.Kind || was.SKU != is.SKU || was.Text != is.Text {
			faults = append(faults, fmt.Errorf("%s: is %s %.64s when computed again", name, is.Kind, is.SKU+is.Text))
		}
		fault(name+", unit price", was.UnitPrice, is.UnitPrice)
		fault(name+", total", was.Total, is.Total)
		fault(name+", hour", was.Hour, is.Hour)
	}
	return errors.Join(faults...)
}
