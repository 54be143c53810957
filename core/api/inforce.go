package api

import (
	"context"
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

// keptLists remembers the last list of each provider that the ledger has taken.
type keptLists struct {
	mu    sync.Mutex
	lists map[string]*pricing.List
}

func (k *keptLists) put(provider string, l *pricing.List) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lists == nil {
		k.lists = make(map[string]*pricing.List)
	}
	k.lists[provider] = l
}

func (k *keptLists) has(provider string, l *pricing.List) bool {
	k.mu.Lock()
	was := k.lists[provider]
	k.mu.Unlock()
	return was != nil && (was == l || was.Same(l))
}
