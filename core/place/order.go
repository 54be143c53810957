package place

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// entry is a quote with the worth of its native total.
type entry struct {
	quote *core.Quote
	worth pricing.Worth
}

func (a entry) compare(b entry, rates *pricing.Rates) int {
	if c := a.worth.Cmp(b.worth); c != 0 {
		return c
	}
	p, q := a.quote, b.quote
	if c := cmp.Compare(len(p.Unknown), len(q.Unknown)); c != 0 {
		return c
	}
	hour, err := rates.Compare(p.Price.NativeAmounts().Hour, q.Price.NativeAmounts().Hour)
	if err != nil { // excluded before: both have a rate, or are of one currency
		hour = cmp.Compare(p.Price.Native().Currency(), q.Price.Native().Currency())
	}
	return cmp.Or(
		hour,
		cmp.Compare(p.Provider, q.Provider),
		cmp.Compare(p.Zone, q.Zone),
		cmp.Compare(p.Shape, q.Shape),
		cmp.Compare(p.Offer.ID, q.Offer.ID),
		cmp.Compare(p.ID, q.ID),
	)
}

// why says what decided between the first two; better is how many that cannot be
// bought come before them.
func (r Ranking) why(quotes []core.Quote, better int) string {
	var text string
	switch len(quotes) {
	case 0:
		text = Rule
	case 1:
		text = "the only offer"
	default:
		text = fmt.Sprintf("lowest total of %d offers", len(quotes))
		first, second := quotes[0], quotes[1]
		if c, err := r.rates.Compare(first.Price.Native(), second.Price.Native()); err == nil && c == 0 {
			text += fmt.Sprintf(", a tie with %s %s decided by: %s", second.Provider, second.Zone, Rule)
		}
	}
	if better > 0 && len(quotes) > 0 {
		text += fmt.Sprintf(" that can be bought; quote only before it: %d", better)
	}
	if r.Compared {
		codes := map[string]bool{}
		for i := range r.Quotes {
			codes[r.Quotes[i].Price.Native().Currency()] = true
		}
		text += fmt.Sprintf("; %s compared by the rates of %s", strings.Join(slices.Sorted(maps.Keys(codes)), ", "), r.rates.AsOf().Format(time.DateOnly))
	}
	return text
}
