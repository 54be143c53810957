// Package place chooses: quotes and a policy in, a placement and the reasons of
// those left out. It is pure and deterministic; the same input in any order
// gives the same result.
package place

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// Policy says what may be chosen. The zero value allows everything.
type Policy struct {
	// Provider, Region: only these, if set.
	Provider string
	Region   string
	// Ceiling is the most that may be paid, if it is set.
	Ceiling pricing.Ceiling
	// Currency is what quotes are compared in; empty: the ceiling's, or that of
	// most quotes of the provider and the region, the alphabet deciding a tie.
	Currency string
}

// Rule is the order of placements, for people.
const Rule = "lowest total; then fewer unknowns, lower hourly price, provider, zone, shape, offer"

// Choose orders the quotes that the policy allows, best first, and says why the
// others are left out. Quotes in another currency than the one compared in are
// not ranked, for want of a rate. No quotes at all give an empty placement.
func Choose(quotes []core.Quote, policy Policy) (core.Placement, []core.Reason) {
	code := cmp.Or(policy.Currency, policy.Ceiling.Currency(), policy.commonest(quotes))
	var allowed []core.Quote
	var left []core.Reason
	for _, q := range quotes {
		if r, ok := policy.excludes(q, code); ok {
			left = append(left, r)
			continue
		}
		allowed = append(allowed, q)
	}
	slices.SortFunc(allowed, compare)
	slices.SortFunc(left, func(a, b core.Reason) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Candidate, b.Candidate), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Text, b.Text))
	})
	return core.Placement{Quotes: allowed, Why: why(allowed)}, left
}

func (p Policy) excludes(q core.Quote, code string) (core.Reason, bool) {
	r := core.Reason{Provider: q.Provider, Candidate: strings.Trim(q.Zone+" "+q.Shape, " ")}
	switch {
	case !p.ofProvider(q):
		r.Field, r.Want, r.Have = "--provider", p.Provider, q.Provider
		r.Text = fmt.Sprintf("provider %s was not asked for", q.Provider)
	case !p.inRegion(q):
		r.Field, r.Want, r.Have = "--region", p.Region, q.Region
		r.Text = fmt.Sprintf("it is in region %q", q.Region)
	case q.Price.Currency != code:
		r.Field, r.Want, r.Have = "currency", code, q.Price.Currency
		r.Text = fmt.Sprintf("no rate from %s to %s", q.Price.Currency, code)
	default:
		above, err := p.Ceiling.Below(q.Price)
		switch {
		case err != nil:
			r.Field, r.Want, r.Have, r.Text = "--max-price", p.Ceiling.String(), q.Price.Currency, err.Error()
		case above:
			r.Field, r.Want = "--max-price", p.Ceiling.String()
			r.Have = p.Ceiling.Show(q.Price)
			r.Text = fmt.Sprintf("it costs %s, more than %s", r.Have, r.Want)
			r.Relax = "--max-price " + strings.ReplaceAll(r.Have, " ", "")
		default:
			return r, false
		}
	}
	return r, true
}

func (p Policy) ofProvider(q core.Quote) bool { return p.Provider == "" || q.Provider == p.Provider }

func (p Policy) inRegion(q core.Quote) bool { return p.Region == "" || q.Region == p.Region }

// commonest is the currency of most quotes that could be chosen in it.
func (p Policy) commonest(quotes []core.Quote) string {
	count := map[string]int{}
	for _, q := range quotes {
		if p.ofProvider(q) && p.inRegion(q) {
			count[q.Price.Currency]++
		}
	}
	codes := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	if len(codes) == 0 {
		return ""
	}
	return codes[0]
}

// compare orders quotes of one currency.
func compare(a, b core.Quote) int {
	return cmp.Or(
		money(a.Price.Total, b.Price.Total),
		cmp.Compare(len(a.Unknown), len(b.Unknown)),
		money(a.Price.Hour, b.Price.Hour),
		cmp.Compare(a.Provider, b.Provider),
		cmp.Compare(a.Zone, b.Zone),
		cmp.Compare(a.Shape, b.Shape),
		cmp.Compare(a.Offer.ID, b.Offer.ID),
		cmp.Compare(a.ID, b.ID),
	)
}

func money(a, b pricing.Money) int {
	c, err := a.Cmp(b)
	if err != nil { // excluded before: all are of one currency
		return cmp.Compare(a.Currency(), b.Currency())
	}
	return c
}

// why says what decided between the first two.
func why(quotes []core.Quote) string {
	switch {
	case len(quotes) == 0:
		return Rule
	case len(quotes) == 1:
		return "the only offer"
	}
	first, second := quotes[0], quotes[1]
	if money(first.Price.Total, second.Price.Total) != 0 {
		return fmt.Sprintf("lowest total of %d offers", len(quotes))
	}
	return fmt.Sprintf("lowest total of %d offers, a tie with %s %s decided by: %s", len(quotes), second.Provider, second.Zone, Rule)
}
