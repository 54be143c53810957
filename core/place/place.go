// Package place chooses: quotes and a policy in, a placement and the reasons of
// those left out. It is pure and deterministic; the same input in any order
// gives the same result.
package place

import (
	"cmp"
	"fmt"
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
	// Currency is what quotes are shown in. It orders nothing: worth does. Empty:
	// the one that all quotes are in, or else that of most of them.
	Currency string
	// Rates compare what is in different currencies. Where all quotes are in one
	// they are not needed.
	Rates *pricing.Rates
}

// Rule is the order of placements, for people.
const Rule = "lowest total; then fewer unknowns, lower hourly price, provider, zone, shape, offer"

// Choose ranks the quotes and places those that can be bought, best first. No
// quotes at all give an empty placement.
func Choose(quotes []core.Quote, policy Policy) (core.Placement, []core.Reason) {
	ranking := Rank(quotes, policy)
	placement, dry := ranking.Placement()
	left := append(ranking.Left, dry...)
	sortReasons(left)
	return placement, left
}

// Ranking is what a policy allows, in order.
type Ranking struct {
	// Quotes are best first, those among them that are not for sale too.
	Quotes []core.Quote
	// Left is why the others are left out.
	Left []core.Reason
	// Why names the order of Quotes and what decided, for people.
	Why string
	// Currency is what to show the quotes in.
	Currency string
	// Compared means that currencies were compared by the rates.
	Compared bool

	rates *pricing.Rates
}

// Rank orders the quotes that the policy allows by the exact worth of their
// native totals, whatever currency they are shown in, and says why the others are
// left out: among them those of a currency that has no rate, where there is more
// than one. If no currency has a rate, only those in the policy's are ranked, or
// else in its ceiling's, or in that of most quotes.
func Rank(quotes []core.Quote, policy Policy) Ranking {
	r := Ranking{rates: policy.Rates}
	in := newCurrencies(quotes, policy)
	r.Currency = in.shown
	ranked := make([]entry, 0, len(quotes))
	seen := map[string]bool{}
	for i := range quotes {
		q := &quotes[i]
		reason, excluded := policy.excludes(q)
		if !excluded {
			reason, excluded = in.excludes(q, policy)
		}
		var worth pricing.Worth
		if !excluded {
			reason, excluded = policy.tooDear(q)
		}
		if !excluded {
			var err error
			if worth, err = in.rates.Worth(q.Price.Native()); err != nil {
				reason, excluded = unrated(q, err), true
			}
		}
		if excluded {
			r.Left = append(r.Left, reason)
			continue
		}
		seen[q.Price.Native().Currency()] = true
		ranked = append(ranked, entry{quote: q, worth: worth})
	}
	r.Compared = len(seen) > 1
	slices.SortFunc(ranked, func(a, b entry) int { return a.compare(b, in.rates) })
	r.Quotes = make([]core.Quote, len(ranked))
	for i := range ranked {
		r.Quotes[i] = *ranked[i].quote
	}
	r.Why = r.why(r.Quotes, 0)
	sortReasons(r.Left)
	return r
}

// Placement is what of the ranking can be bought, and why the rest cannot.
func (r Ranking) Placement() (core.Placement, []core.Reason) {
	var p core.Placement
	var dry []core.Reason
	better := 0
	for _, q := range r.Quotes {
		if q.QuoteOnly == "" {
			p.Quotes = append(p.Quotes, q)
			continue
		}
		if len(p.Quotes) == 0 {
			better++
		}
		reason := about(&q)
		reason.Field, reason.Want, reason.Have = "quote_only", "an offer that can be bought", q.QuoteOnly
		reason.Text = "quote only: " + q.QuoteOnly
		dry = append(dry, reason)
	}
	p.Why = r.why(p.Quotes, better)
	return p, dry
}

func sortReasons(left []core.Reason) {
	slices.SortFunc(left, func(a, b core.Reason) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Candidate, b.Candidate), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Text, b.Text))
	})
}

func about(q *core.Quote) core.Reason {
	return core.Reason{Provider: q.Provider, Candidate: strings.Trim(q.Zone+" "+q.Shape, " ")}
}

func (p Policy) excludes(q *core.Quote) (core.Reason, bool) {
	r := about(q)
	switch {
	case p.Provider != "" && q.Provider != p.Provider:
		r.Field, r.Want, r.Have = "--provider", p.Provider, q.Provider
		r.Text = fmt.Sprintf("provider %s was not asked for", q.Provider)
	case p.Region != "" && q.Region != p.Region:
		r.Field, r.Want, r.Have = "--region", p.Region, q.Region
		r.Text = fmt.Sprintf("it is in region %q", q.Region)
	default:
		return r, false
	}
	return r, true
}

func (p Policy) tooDear(q *core.Quote) (core.Reason, bool) {
	above, err := p.Ceiling.Below(q.Price, p.Rates)
	if err == nil && !above {
		return core.Reason{}, false
	}
	r := about(q)
	r.Field, r.Want = "--max-price", p.Ceiling.String()
	if err != nil {
		r.Have, r.Text = q.Price.Native().Currency(), "not comparable with --max-price: "+err.Error()
		return r, true
	}
	r.Have = p.Ceiling.Show(q.Price, p.Rates)
	r.Text = fmt.Sprintf("it costs %s, more than %s", r.Have, r.Want)
	r.Relax = "--max-price " + r.Have
	return r, true
}
