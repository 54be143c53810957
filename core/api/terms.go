package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// Terms implements [Prices].
func (m *Meson) Terms(ctx context.Context) (map[string]pricing.Terms, error) {
	return m.Ledger.Terms(ctx)
}

// PutTerms implements [Prices].
func (m *Meson) PutTerms(ctx context.Context, scope string, terms pricing.Terms) error {
	return m.Ledger.PutTerms(ctx, scope, terms)
}

// Quote implements [Prices].
func (m *Meson) Quote(ctx context.Context, id string) (QuoteInfo, error) {
	q, err := m.Ledger.Quote(ctx, id)
	if err != nil {
		return QuoteInfo{}, err
	}
	info := QuoteInfo{Quote: q.Quote, ShownAt: q.Shown, Expired: expired(q.Quote, m.Now())}
	var failed error
	err = q.Verify(func(provider, revision string) (*pricing.List, error) {
		list, err := m.Ledger.PriceList(ctx, provider, revision)
		if core.KindOf(err) == core.NotFound {
			return nil, errors.New("its price list is no longer kept")
		}
		if err != nil {
			failed = err
		}
		return list, err
	})
	if failed != nil {
		return QuoteInfo{}, failed
	}
	if err != nil {
		info.NotRecomputed = fmt.Sprint(err)
	}
	info.Recomputed = err == nil
	return info, nil
}
