package api

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

// askPrices is how long a provider may take for its price list.
const askPrices = 20 * time.Second

// RefreshPrices implements [Prices].
func (m *Meson) RefreshPrices(ctx context.Context, req RefreshRequest) ([]RefreshResult, error) {
	configs, err := m.Ledger.Providers(ctx)
	if req.Provider != "" {
		configs = make([]core.ProviderConfig, 1)
		configs[0], err = m.Ledger.Provider(ctx, req.Provider)
	}
	if err != nil {
		return nil, err
	}
	used, err := m.Ledger.UsedPriceLists(ctx)
	if err != nil {
		return nil, err
	}
	var asking sync.Mutex
	if accept := req.Accept; accept != nil {
		req.Accept = func(c Consent) (bool, error) {
			asking.Lock()
			defer asking.Unlock()
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			return accept(c)
		}
	}
	results := make([]RefreshResult, len(configs))
	var all sync.WaitGroup
	for i, cfg := range configs {
		all.Go(func() {
			r := &results[i]
			r.Provider, r.From, r.Changes = cfg.Name, used[cfg.Name].Revision, []pricing.Change{}
			if err := m.refresh(ctx, cfg, used[cfg.Name], req, r); err != nil {
				r.Error = core.AsError(err, "provider "+cfg.Name)
			}
		})
	}
	all.Wait()
	if errors.Is(ctx.Err(), context.Canceled) {
		return results, &core.Error{Kind: core.Interrupted, Op: "refresh prices", Text: "interrupted"}
	}
	return results, nil
}

// refresh asks one provider and says in r what became of its prices.
func (m *Meson) refresh(ctx context.Context, cfg core.ProviderConfig, use ledger.ListUse, req RefreshRequest, r *RefreshResult) error {
	list, err := m.livePrices(ctx, cfg)
	if err != nil {
		return err
	}
	r.To, r.List = list.Revision, m.unkept(cfg.Name, list)
	if err := m.Ledger.PutPriceList(ctx, cfg.Name, list); err != nil {
		return err
	}
	m.lists.put(cfg.Name, list)
	if use.Revision != "" {
		if r.Changes, err = m.diff(ctx, cfg.Name, use.Revision, list); err != nil {
			return err
		}
	}
	how := ledger.UseOptions{Was: use.Revision, By: ledger.UsedLive}
	if use.Imported {
		how.By = ledger.UsedByPerson
	}
	if use.Imported && !req.Live || !use.Imported && use.Revision == list.Revision {
		r.Used = use.Revision == list.Revision
		return m.describeList(ctx, r)
	}
	yes, err := m.consent(req.Accept, r, &how)
	if err == nil && yes {
		err = m.Ledger.UsePriceList(ctx, cfg.Name, list.Revision, how)
	}
	r.Used = err == nil && yes
	return cmp.Or(err, m.describeList(ctx, r))
}

// livePrices is a provider's list as it stands now, checked.
func (m *Meson) livePrices(ctx context.Context, cfg core.ProviderConfig) (*pricing.List, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(m.Market.ProviderDeadline, askPrices))
	defer cancel()
	list, err := m.Host.Provider(cfg).PriceList(ctx)
	if err != nil {
		return nil, err
	}
	if err := list.Check(); err != nil {
		return nil, &core.Error{Kind: core.Internal, Op: "ask for prices", Subject: "provider " + cfg.Name, Source: core.SourcePlugin, Err: err}
	}
	return list, nil
}

// consent reports whether the changes of a result may be used, and by whose word.
func (m *Meson) consent(accept func(Consent) (bool, error), r *RefreshResult, how *ledger.UseOptions) (bool, error) {
	need := pricing.NeedConsent(r.Changes)
	if len(need) == 0 {
		return true, nil
	}
	if accept == nil {
		return false, nil
	}
	how.By = ledger.UsedByPerson
	return accept(Consent{Provider: r.Provider, From: r.From, To: r.To, Changes: need})
}

// describeList sets a result's list to how it is kept.
func (m *Meson) describeList(ctx context.Context, r *RefreshResult) error {
	infos, err := m.PriceLists(ctx, r.Provider)
	for _, info := range infos {
		if info.Revision == r.To {
			r.List = info
		}
	}
	return err
}
