package place

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// currencies are those of the quotes that a policy may choose from, and how they
// can be compared.
type currencies struct {
	// only is the one currency that can be ranked; empty: all that have a rate.
	only string
	// rates are nil where only is set: then none are needed.
	rates *pricing.Rates
	// shown is what to show quotes in.
	shown string
}

func newCurrencies(quotes []core.Quote, policy Policy) currencies {
	count := map[string]int{}
	for i := range quotes {
		if _, excluded := policy.excludes(&quotes[i]); !excluded {
			count[quotes[i].Price.Native().Currency()]++
		}
	}
	rated := map[string]int{}
	for code, n := range count {
		if policy.Rates.Has(code) {
			rated[code] = n
		}
	}
	switch {
	case len(count) <= 1:
		code := commonest(count)
		return currencies{only: code, shown: cmp.Or(policy.Currency, code)}
	case len(rated) == 0:
		code := commonest(count)
		for _, wish := range []string{policy.Ceiling.Currency(), policy.Currency} {
			if count[wish] > 0 {
				code = wish
			}
		}
		return currencies{only: code, shown: code}
	}
	return currencies{rates: policy.Rates, shown: cmp.Or(policy.Currency, commonest(rated))}
}

// commonest is the currency of most quotes, the alphabet deciding a tie.
func commonest(count map[string]int) string {
	codes := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	if len(codes) == 0 {
		return ""
	}
	return codes[0]
}

// excludes says why a quote cannot be ranked among the others.
func (c currencies) excludes(q *core.Quote, policy Policy) (core.Reason, bool) {
	code := q.Price.Native().Currency()
	if c.only == code {
		return core.Reason{}, false
	}
	if _, err := policy.Rates.Rate(code); err != nil {
		return unrated(q, err), true
	}
	return core.Reason{}, false
}

func unrated(q *core.Quote, err error) core.Reason {
	r := about(q)
	r.Field, r.Want, r.Have = "currency", "a currency with a rate", q.Price.Native().Currency()
	r.Text = "not ranked: " + err.Error()
	return r
}
