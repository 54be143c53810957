package market

import (
	"fmt"
	"slices"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// Pricing says how offers become quotes.
type Pricing struct {
	Horizon pricing.Horizon
	// Begin is when a machine would start, which is now: refusals that hold then
	// count, and so do rules.
	Begin time.Time
	// Terms are those of providers by name, and the operator's under "". Both apply.
	Terms map[string]pricing.Terms
	// Currency is what quotes are shown in where it is set and Rates have it and
	// the native one. The others stay native.
	Currency string
	Rates    *pricing.Rates
	// Refusals are what is not asked again.
	Refusals []core.Refusal
	// NewID names each quote.
	NewID func() string
}

// Quotes prices every offer of the answers by the answer's list, and by what is
// agreed on top of it. An offer without a whole price, or one that a refusal is
// about, becomes a reason instead: it never wins as 0.
func Quotes(answers []core.Answer, p Pricing) ([]core.Quote, []core.Reason) {
	n := 0
	for i := range answers {
		n += len(answers[i].Offers)
	}
	quotes := make([]core.Quote, 0, n)
	var reasons []core.Reason
	for i := range answers {
		a := &answers[i]
		reasons = append(reasons, a.Reasons...)
		price := p.by(a.Provider, a.Prices, len(a.Offers))
		for j := range a.Offers {
			o := &a.Offers[j]
			if r, refused := refusedBy(p.Refusals, func(r core.Refusal) bool { return r.Matches(*o, p.Begin) }); refused {
				r.Candidate, r.Want = candidate(*o), o.Shape
				reasons = append(reasons, r)
				continue
			}
			q, err := price.price(o.ListRevision, o.Quantities)
			if err != nil {
				reasons = append(reasons, core.Reason{
					Provider: o.Provider, Candidate: candidate(*o), Field: "price", Want: "a price for every part", Have: err.Error(),
					Text: "no whole price: " + err.Error(),
				})
				continue
			}
			quotes = append(quotes, core.Quote{ID: p.NewID(), Offer: *o, Price: q})
		}
	}
	if p.Currency != "" {
		Show(quotes, p.Rates, p.Currency)
	}
	return quotes, reasons
}

// Show converts native quotes in place. One whose currency has no rate, or any if
// the one to show has none, stays as it is.
func Show(quotes []core.Quote, rates *pricing.Rates, currency string) {
	for i := range quotes {
		if converted, err := rates.Convert(quotes[i].Price, currency); err == nil {
			quotes[i].Price = converted
		}
	}
}

// pricer prices the offers of one answer.
type pricer struct {
	provider string
	list     *pricing.List
	// quoter is nil where the list is not worth making ready.
	quoter  *pricing.Quoter
	horizon pricing.Horizon
	// terms are nil where nothing is agreed; fault is why they cannot be applied.
	terms *pricing.Adjuster
	fault error
}

// by is for so many offers of a provider, priced by its list.
func (p *Pricing) by(provider string, list *pricing.List, offers int) pricer {
	own, operator := p.Terms[provider], p.Terms[""]
	note := own.TaxNote
	switch {
	case note == "":
		note = operator.TaxNote
	case operator.TaxNote != "" && operator.TaxNote != note:
		note += "; " + operator.TaxNote
	}
	r := pricer{provider: provider, list: list, horizon: p.Horizon}
	if rules := slices.Concat(own.Rules, operator.Rules); len(rules) > 0 || note != "" {
		r.terms, r.fault = pricing.NewAdjuster(rules, p.Begin, note)
	}
	// Making a list ready pays where many offers share its prices.
	if list != nil && offers >= len(list.Prices)/worthReady {
		r.quoter = list.Quoter(p.Horizon)
	}
	return r
}

// worthReady is how many prices of a list may be made ready for each offer.
const worthReady = 16

// price is what an offer costs by the list that it refers to.
func (p *pricer) price(revision string, quantities []pricing.Quantity) (pricing.Quote, error) {
	switch {
	case p.fault != nil:
		return pricing.Quote{}, p.fault
	case p.list == nil:
		return pricing.Quote{}, fmt.Errorf("provider %s gave no price list", p.provider)
	case p.list.Revision != revision:
		return pricing.Quote{}, fmt.Errorf("the offer refers to price list %.64q, the provider's is %.64q", revision, p.list.Revision)
	}
	var q pricing.Quote
	var err error
	if p.quoter != nil {
		q, err = p.quoter.Quote(quantities)
	} else {
		q, err = p.list.Quote(quantities, p.horizon)
	}
	if err != nil || p.terms == nil {
		return q, err
	}
	return p.terms.Adjust(q)
}

// refusedBy is why what the refusals are about is not asked again, if one is.
func refusedBy(refusals []core.Refusal, about func(core.Refusal) bool) (core.Reason, bool) {
	i := slices.IndexFunc(refusals, about)
	if i < 0 {
		return core.Reason{}, false
	}
	r := refusals[i]
	return core.Reason{
		Provider: r.Provider, Field: string(r.Scope), Have: r.Text,
		Text: fmt.Sprintf("refused before (%s), not asked again %s", r.Text, until(r)), Until: r.Until,
	}, true
}

func until(r core.Refusal) string {
	if r.Until.IsZero() {
		return fmt.Sprintf("until that is put right and `meson provider test %s` passes", r.Provider)
	}
	return "until " + r.Until.UTC().Format(time.RFC3339)
}

func candidate(o core.Offer) string {
	if o.Zone == "" {
		return o.Shape
	}
	return o.Zone + " " + o.Shape
}
