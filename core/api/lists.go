package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

// PriceLists implements [Prices].
func (m *Meson) PriceLists(ctx context.Context, provider string) ([]PriceListInfo, error) {
	kept, err := m.Ledger.PriceLists(ctx, provider)
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 && provider != "" {
		// A provider that was removed may have left some, one that never was has none.
		if _, err := m.Ledger.Provider(ctx, provider); err != nil {
			return nil, err
		}
	}
	infos := make([]PriceListInfo, len(kept))
	for i := range kept {
		infos[i] = m.listInfo(kept[i])
	}
	// They come by provider, the last seen first.
	for first := 0; first < len(infos); {
		next := first
		for next < len(infos) && infos[next].Provider == infos[first].Provider {
			next++
		}
		sortByUse(infos[first:next])
		first = next
	}
	return infos, nil
}

// sortByUse puts the list of one provider that is in use before the others, which
// come the last seen first, and marks the one that waits: the last seen after it,
// or beside an imported one.
func sortByUse(infos []PriceListInfo) {
	slices.SortStableFunc(infos, func(a, b PriceListInfo) int {
		return -cmp.Compare(len(a.UsedBy), len(b.UsedBy))
	})
	if len(infos) < 2 || infos[0].UsedBy == "" {
		return
	}
	if infos[0].State == ListImported || infos[1].SeenAt.After(infos[0].SeenAt) {
		infos[1].State = ListWaiting
	}
}

func (m *Meson) listInfo(k ledger.PriceListInfo) PriceListInfo {
	info := PriceListInfo{
		Provider: k.Provider, Revision: k.Revision, State: ListOld, Source: k.Source, AsOf: k.AsOf, OldestAsOf: k.OldestAsOf,
		Currency: k.Currency, SKUs: k.Prices, SeenAt: k.SeenAt, UsedSince: k.Use.Since, UsedBy: k.Use.By,
	}
	switch {
	case k.Use.Imported:
		info.State = ListImported
	case k.Use.Revision != "":
		info.State = ListCurrent
	}
	info.date(m.Now())
	return info
}

// date sets the age at a time.
func (i *PriceListInfo) date(now time.Time) {
	i.AgeDays = age(i.OldestAsOf, now)
	i.Stale = i.AgeDays > StaleListDays
}

// unkept describes a list that is not in the ledger.
func (m *Meson) unkept(provider string, l *pricing.List) PriceListInfo {
	info := PriceListInfo{
		Provider: provider, Revision: l.Revision, State: ListUnkept, Source: l.Source, AsOf: l.AsOf, OldestAsOf: l.AsOf, SKUs: len(l.Prices),
	}
	for _, p := range l.Prices {
		info.Currency = p.Amount.Currency()
		if !p.AsOf.IsZero() && p.AsOf.Before(info.OldestAsOf) {
			info.OldestAsOf = p.AsOf
		}
	}
	info.date(m.Now())
	return info
}

// PriceList implements [Prices].
func (m *Meson) PriceList(ctx context.Context, provider, revision string) (*pricing.List, PriceListInfo, error) {
	infos, err := m.PriceLists(ctx, provider)
	if err != nil {
		return nil, PriceListInfo{}, err
	}
	// The one in use comes first, else the last seen.
	i := slices.IndexFunc(infos, func(l PriceListInfo) bool { return revision == "" || l.Revision == revision })
	if i < 0 {
		return nil, PriceListInfo{}, noList(provider, revision)
	}
	list, err := m.Ledger.PriceList(ctx, provider, infos[i].Revision)
	return list, infos[i], err
}

// DiffPrices implements [Prices].
func (m *Meson) DiffPrices(ctx context.Context, provider, from, to string) ([]pricing.Change, error) {
	infos, err := m.PriceLists(ctx, provider)
	if err != nil {
		return nil, err
	}
	if len(infos) == 0 {
		return nil, noList(provider, "")
	}
	if from == "" {
		if infos[0].UsedBy == "" {
			return nil, &core.Error{Kind: core.NotFound, Subject: "provider " + provider, Text: "no price list is in use", Hint: "name two revisions: meson prices ls " + provider}
		}
		from = infos[0].Revision
	}
	if to == "" {
		to = slices.MaxFunc(infos, func(a, b PriceListInfo) int { return a.SeenAt.Compare(b.SeenAt) }).Revision
	}
	fresh, err := m.Ledger.PriceList(ctx, provider, to)
	if err != nil {
		return nil, err
	}
	return m.diff(ctx, provider, from, fresh)
}

func noList(provider, revision string) error {
	e := &core.Error{Kind: core.NotFound, Subject: "provider " + provider, Text: "no price list of it is kept", Hint: "meson prices refresh " + provider}
	if revision != "" {
		e.Text, e.Hint = "no price list "+revision+" of it is kept", "meson prices ls "+provider
	}
	return e
}
