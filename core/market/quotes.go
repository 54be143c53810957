package market

import (
	"fmt"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// Quotes prices every offer of the answers over the horizon. An offer without a
// whole price, or one that a refusal is about, becomes a reason instead: it
// never wins as 0. newID names each quote.
func Quotes(answers []core.Answer, horizon pricing.Horizon, refusals []core.Refusal, now time.Time, newID func() string) ([]core.Quote, []core.Reason) {
	var quotes []core.Quote
	var reasons []core.Reason
	for _, a := range answers {
		reasons = append(reasons, a.Reasons...)
		for _, o := range a.Offers {
			if r, refused := refusedBy(refusals, o, now); refused {
				reasons = append(reasons, r)
				continue
			}
			price, err := Price(o, a.Prices, horizon)
			if err != nil {
				reasons = append(reasons, core.Reason{
					Provider: o.Provider, Candidate: candidate(o), Field: "price", Want: "a price for every part", Have: err.Error(),
					Text: "no whole price: " + err.Error(),
				})
				continue
			}
			quotes = append(quotes, core.Quote{ID: newID(), Offer: o, Price: price})
		}
	}
	return quotes, reasons
}

// Price is what an offer costs by the list that it refers to.
func Price(o core.Offer, list *pricing.List, horizon pricing.Horizon) (pricing.Quote, error) {
	switch {
	case list == nil:
		return pricing.Quote{}, fmt.Errorf("provider %s gave no price list", o.Provider)
	case list.Revision != o.ListRevision:
		return pricing.Quote{}, fmt.Errorf("the offer refers to price list %.64q, the provider's is %.64q", o.ListRevision, list.Revision)
	}
	return list.Quote(o.Quantities, horizon)
}

func refusedBy(refusals []core.Refusal, o core.Offer, now time.Time) (core.Reason, bool) {
	for _, r := range refusals {
		if r.Matches(o, now) {
			return core.Reason{
				Provider: o.Provider, Candidate: candidate(o), Field: string(r.Scope), Want: o.Shape, Have: r.Text,
				Text: fmt.Sprintf("refused before (%s), not asked again %s", r.Text, until(r)), Until: r.Until,
			}, true
		}
	}
	return core.Reason{}, false
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
