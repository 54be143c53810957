package core

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/pricing"
)

// WithVolumes is the quote of a machine with the volumes of its pledge: the lines
// of those that are made are lines of the whole. The whole is in the machine's
// native currency. A volume that is priced in another one is converted line by
// line at the rates of the day, rounded once as every conversion is, and the
// rates are recorded with it; a currency without a rate is an error. The sums are
// exact sums of the lines. What binds is each part's own native price.
func (q Quote) WithVolumes(choices []VolumeChoice, rates *pricing.Rates) (Quote, error) {
	machine := q.MachinePrice()
	whole := machine
	whole.Lines = slices.Clone(machine.Lines)
	q.Volumes, q.Machine = slices.Clone(choices), nil
	for i := range q.Volumes {
		c := &q.Volumes[i]
		c.FX = nil
		if c.Quote == nil {
			continue
		}
		q.Machine = &machine
		part := c.Quote.Price
		if part.ForHours != whole.ForHours {
			return Quote{}, fmt.Errorf("volume %s is priced for %d h, the machine for %d h", c.Name, part.ForHours, whole.ForHours)
		}
		if part.Currency != whole.Currency {
			var err error
			if part, err = rates.Convert(part, whole.Currency); err != nil {
				return Quote{}, fmt.Errorf("volume %s: %w", c.Name, err)
			}
			c.FX = part.FX
		}
		var errs [2]error
		whole.Hour, errs[0] = whole.Hour.Add(part.Hour)
		whole.Total, errs[1] = whole.Total.Add(part.Total)
		if err := errors.Join(errs[:]...); err != nil {
			return Quote{}, err
		}
		for _, line := range part.Lines {
			line.Quantity.Text = c.label(line.Quantity.Text)
			whole.Lines = append(whole.Lines, line)
		}
		if q.QuoteOnly == "" && c.Quote.Offer.QuoteOnly != "" {
			q.QuoteOnly = fmt.Sprintf("volume %s at %s: %s", c.Name, c.Provider, c.Quote.Offer.QuoteOnly)
		}
	}
	q.Price = whole
	return q, nil
}

// label is the text of a line of the volume.
func (c VolumeChoice) label(text string) string {
	label := "volume " + c.Name + " at " + c.Provider
	if text != "" {
		label += ": " + text
	}
	return label
}

// MachinePrice is the native price of the machine alone.
func (q Quote) MachinePrice() pricing.Quote {
	if q.Machine != nil {
		return *q.Machine
	}
	p := q.Price
	if p.FX == nil {
		return p
	}
	p.Currency, p.Hour, p.Total = p.FX.From, p.FX.Native.Hour, p.FX.Native.Total
	p.FX, p.Lines = nil, slices.Clone(p.Lines)
	for i := range p.Lines {
		if l := &p.Lines[i]; l.Native != nil {
			l.Hour, l.Total, l.Native = l.Native.Hour, l.Native.Total, nil
		}
	}
	return p
}

// Verify computes the price again from what it was made of, as pricing's Verify
// does: the lists of the machine's provider and of those of its volumes, and the
// exchange rates that are recorded. list gives a list by provider and revision.
func (q Quote) Verify(list func(provider, revision string) (*pricing.List, error)) error {
	l, err := list(q.Provider, q.ListRevision)
	if err != nil {
		return err
	}
	if q.Machine == nil {
		return q.Price.Verify(l, q.Quantities)
	}
	if err := q.Machine.Verify(l, q.Quantities); err != nil {
		return err
	}
	again, whole := q, *q.Machine
	for _, c := range q.Volumes {
		if c.Quote == nil {
			continue
		}
		if l, err = list(c.Provider, c.Quote.Offer.ListRevision); err == nil {
			err = c.Quote.Price.Verify(l, c.Quote.Offer.Quantities)
		}
		var one Quote
		if err == nil {
			// One after another: each was converted by rates of its own.
			again.Price, again.Machine = whole, nil
			one, err = again.WithVolumes([]VolumeChoice{c}, ratesOf(c.FX, q.Machine.Currency))
		}
		if err != nil {
			return fmt.Errorf("volume %s: %w", c.Name, err)
		}
		whole = one.Price
	}
	if q.Price.FX != nil {
		if whole, err = ratesOf(q.Price.FX, q.Price.Currency).Convert(whole, q.Price.Currency); err != nil {
			return err
		}
	}
	return sameSums(q.Price, whole)
}

// ratesOf are those of a conversion; nil for none.
func ratesOf(c *pricing.Conversion, to string) *pricing.Rates {
	if c == nil {
		return nil
	}
	rates := map[string]string{c.From: c.FromRate, to: c.ToRate}
	delete(rates, c.Base)
	r, err := pricing.NewRates(c.Base, c.AsOf, c.Source, rates)
	if err != nil {
		return nil // what needs them says so
	}
	return r
}

func sameSums(was, is pricing.Quote) error {
	var faults []error
	fault := func(what string, a, b pricing.Money) {
		if a.String() != b.String() {
			faults = append(faults, fmt.Errorf("%s: %s recorded, %s computed again", what, a, b))
		}
	}
	fault("total", was.Total, is.Total)
	fault("hour", was.Hour, is.Hour)
	fault("native total", was.Native(), is.Native())
	if len(was.Lines) != len(is.Lines) {
		faults = append(faults, fmt.Errorf("%d lines recorded, %d computed again", len(was.Lines), len(is.Lines)))
		return errors.Join(faults...)
	}
	for i := range was.Lines {
		name := fmt.Sprintf("line %d, %s %.64s", i+1, was.Lines[i].Kind, was.Lines[i].SKU+was.Lines[i].Text)
		fault(name+", total", was.Lines[i].Total, is.Lines[i].Total)
		fault(name+", hour", was.Lines[i].Hour, is.Lines[i].Hour)
	}
	return errors.Join(faults...)
}
