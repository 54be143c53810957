package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/fx"
)

// inForce is what prices are computed by at one time: exchange rates, terms, and
// which lists are in use.
type inForce struct {
	rates  *pricing.Rates
	pinned bool
	terms  map[string]pricing.Terms
	used   map[string]ledger.ListUse
}

func (m *Meson) inForce(ctx context.Context) (*inForce, error) {
	f := new(inForce)
	var err error
	if f.rates, f.pinned, err = m.rates(ctx); err != nil {
		return nil, err
	}
	if f.terms, err = m.Ledger.Terms(ctx); err != nil {
		return nil, err
	}
	f.used, err = m.Ledger.UsedPriceLists(ctx)
	return f, err
}

// rates are the newest that were put, else those that are built in.
func (m *Meson) rates(ctx context.Context) (r *pricing.Rates, pinned bool, err error) {
	r, _, err = m.Ledger.Rates(ctx)
	if core.KindOf(err) == core.NotFound {
		return fx.Pinned(), true, nil
	}
	return r, false, err
}

// pricing is how answers are priced under what is in force.
func (f *inForce) pricing(horizon pricing.Horizon, now time.Time, newID func() string) market.Pricing {
	return market.Pricing{Horizon: horizon, Begin: now, Terms: f.terms, Rates: f.rates, NewID: newID}
}

// priceAgain prices what a provider answers when a quote's offer is asked again:
// by the list in use and the terms as they stand now, in the quote's currency.
func (m *Meson) priceAgain(ctx context.Context, answer *core.Answer, shown core.Quote) ([]core.Quote, []core.Reason, error) {
	f, err := m.inForce(ctx)
	if err != nil {
		return nil, nil, err
	}
	// What was kept a moment ago need not be kept again.
	if answer.Prices == nil || !m.lists.has(answer.Provider, answer.Prices) {
		err = m.keepPrices(ctx, answer)
	}
	if err == nil {
		err = m.useList(ctx, f, answer)
	}
	if err != nil {
		return nil, nil, err
	}
	how := f.pricing(pricing.Horizon(shown.Price.ForHours), m.Now(), func() string { return shown.ID })
	if shown.Price.FX != nil {
		how.Currency = shown.Price.Currency
	}
	quotes, reasons := market.Quotes([]core.Answer{*answer}, how)
	return quotes, reasons, nil
}

// keptLists remembers lists that the ledger holds, the latest ones of each
// provider: under one revision they never change. The zero value has none.
type keptLists struct {
	mu sync.Mutex
	by map[string][]*pricing.List
}

// rememberedLists is how many of each provider are remembered.
const rememberedLists = 3

func (k *keptLists) put(provider string, l *pricing.List) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by == nil {
		k.by = make(map[string][]*pricing.List)
	}
	others := slices.DeleteFunc(k.by[provider], func(o *pricing.List) bool { return o.Revision == l.Revision })
	k.by[provider] = append([]*pricing.List{l}, others[:min(len(others), rememberedLists-1)]...)
}

// find is nil where a list is not remembered.
func (k *keptLists) find(provider, revision string) *pricing.List {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.by[provider], func(l *pricing.List) bool { return l.Revision == revision })
	if i < 0 {
		return nil
	}
	return k.by[provider][i]
}

func (k *keptLists) has(provider string, l *pricing.List) bool {
	was := k.find(provider, l.Revision)
	return was != nil && was.Same(l)
}

// list is a kept list, which must not be changed.
func (m *Meson) list(ctx context.Context, provider, revision string) (*pricing.List, error) {
	if l := m.lists.find(provider, revision); l != nil {
		return l, nil
	}
	l, err := m.Ledger.PriceList(ctx, provider, revision)
	if err == nil {
		m.lists.put(provider, l)
	}
	return l, err
}
