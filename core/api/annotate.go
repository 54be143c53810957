package api

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// annotate says what the quotes of a result were computed by: the rates, if they
// mattered, the oldest price, and what is stale.
func (r *asked) annotate(result *OffersResult) {
	if r.ratesUsed(result.Quotes) {
		result.Rates = &RatesUsed{AsOf: r.by.rates.AsOf(), Source: r.by.rates.Source()}
		if days := age(r.by.rates.AsOf(), r.now); days > StaleRatesDays {
			text := fmt.Sprintf("the exchange rates are of %s, %d days old", r.by.rates.AsOf().Format(time.DateOnly), days)
			if r.by.pinned {
				text += ", as they are built in"
			}
			result.Warnings = append(result.Warnings, text+": meson prices rates fetch")
		}
	}
	result.Warnings = append(result.Warnings, r.notShown(result.Quotes)...)
	oldest := map[string]OldestPrice{}
	for i := range result.Quotes {
		q := &result.Quotes[i]
		if p, ok := oldestOf(q); ok {
			if was, there := oldest[q.Provider]; !there || p.before(was) {
				oldest[q.Provider] = p
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(oldest)) {
		p := oldest[name]
		if result.Oldest == nil || p.before(*result.Oldest) {
			result.Oldest = &p
		}
		if days := age(p.AsOf, r.now); days > StaleListDays {
			result.Warnings = append(result.Warnings, fmt.Sprintf("prices of %s are up to %d days old (%s is of %s): meson prices refresh %s",
				name, days, p.SKU, p.AsOf.Format(time.DateOnly), name))
		}
	}
}

// ratesUsed reports whether anything was converted, or compared across
// currencies.
func (r *asked) ratesUsed(quotes []core.Quote) bool {
	if r.ranking.Compared {
		return true
	}
	ceiling := r.policy.Ceiling
	return slices.ContainsFunc(quotes, func(q core.Quote) bool {
		return q.Price.FX != nil || ceiling.IsSet() && ceiling.Currency() != q.Price.Native().Currency()
	})
}

// notShown warns of currencies that quotes should be shown in, or are in, and that
// have no rate.
func (r *asked) notShown(quotes []core.Quote) []string {
	missing := map[string]bool{}
	for _, q := range quotes {
		if q.Price.Currency == r.ranking.Currency {
			continue
		}
		for _, code := range []string{r.ranking.Currency, q.Price.Currency} {
			if !r.by.rates.Has(code) {
				missing[code] = true
			}
		}
	}
	var warnings []string
	for _, code := range slices.Sorted(maps.Keys(missing)) {
		_, err := r.by.rates.Rate(code)
		warnings = append(warnings, fmt.Sprintf("not all is shown in %s: %v", r.ranking.Currency, err))
	}
	return warnings
}

func oldestOf(q *core.Quote) (OldestPrice, bool) {
	var oldest OldestPrice
	for i := range q.Price.Lines {
		l := &q.Price.Lines[i]
		if l.Rule != nil || l.Kind == pricing.KindTax || l.AsOf.IsZero() {
			continue
		}
		if p := (OldestPrice{Provider: q.Provider, SKU: l.SKU, AsOf: l.AsOf, Source: l.Source}); oldest.AsOf.IsZero() || p.before(oldest) {
			oldest = p
		}
	}
	return oldest, !oldest.AsOf.IsZero()
}

func (p OldestPrice) before(o OldestPrice) bool {
	return cmp.Or(p.AsOf.Compare(o.AsOf), cmp.Compare(p.Provider, o.Provider), cmp.Compare(p.SKU, o.SKU)) < 0
}

// age is whole days since a date, none for one that is not known or to come.
func age(asOf, now time.Time) int {
	if asOf.IsZero() || asOf.After(now) {
		return 0
	}
	return int(now.Sub(asOf) / (24 * time.Hour))
}
