package api

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// volumeMarket is a storage provider as the market asks it: its volumes are
// offers without a machine, so that all that is known of prices holds for them.
type volumeMarket struct {
	storageProvider
	spec  core.VolumeSpec
	kinds []core.ConnectionKind
	// offers are those that were handed over, by id; one call at a time.
	offers map[string]core.VolumeOffer
}

// storageProvider is what of a provider volumeMarket needs.
type storageProvider interface {
	Name() string
	Plugin() string
	OfferVolume(ctx context.Context, spec core.VolumeSpec, query core.VolumeQuery, emit func([]core.VolumeOffer, []core.Reason) error) error
	PriceList(ctx context.Context) (*pricing.List, error)
}

// Offer asks for the volume; the pledge is of no meaning here.
func (v *volumeMarket) Offer(ctx context.Context, _ core.Pledge, query core.OfferQuery, emit func([]core.Offer, []core.Reason) error) error {
	ask := core.VolumeQuery{Horizon: query.Horizon, Limit: query.Limit, Kinds: v.kinds, OfferID: query.OfferID}
	return v.OfferVolume(ctx, v.spec, ask, func(offers []core.VolumeOffer, reasons []core.Reason) error {
		plain := make([]core.Offer, 0, len(offers))
		for _, o := range offers {
			v.offers[o.ID] = o
			plain = append(plain, core.Offer{
				ID: o.ID, Provider: o.Provider, Plugin: o.Plugin, Region: o.Region, Zone: o.Zone, Shape: strings.TrimSpace("volume " + o.Tier),
				Unknown: o.Unknown, Quantities: o.Quantities, ListRevision: o.ListRevision, ExpiresAt: o.ExpiresAt, Facts: o.Facts, QuoteOnly: o.QuoteOnly,
			})
		}
		return emit(plain, reasons)
	})
}

// VolumeOffers implements [Broker].
func (m *Meson) VolumeOffers(ctx context.Context, req VolumeOffersRequest) (VolumeOffersResult, error) {
	if req.Horizon == 0 {
		req.Horizon = pricing.Month
	}
	providers, failures, err := m.storage(ctx, req.Policy.Provider)
	if err != nil {
		return VolumeOffersResult{}, err
	}
	if len(providers) == 0 && len(failures) == 0 {
		return VolumeOffersResult{}, &core.Error{Kind: core.NoOffer, Text: "no provider that is configured makes volumes", Hint: "meson plugin ls shows which plugins do: those that serve Storage"}
	}
	remembered, err := m.Ledger.Refusals(ctx, m.Now())
	if err != nil {
		return VolumeOffersResult{}, err
	}
	markets := make(map[string]*volumeMarket, len(providers))
	marketed := make([]market.Provider, 0, len(providers))
	for _, p := range providers {
		v := &volumeMarket{storageProvider: p, spec: req.Spec, kinds: req.Kinds, offers: map[string]core.VolumeOffer{}}
		markets[p.Name()] = v
		marketed = append(marketed, v)
	}
	answers := market.Gather(ctx, marketed, core.Pledge{}, core.OfferQuery{Horizon: req.Horizon}, m.Market, nil)
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return VolumeOffersResult{}, &core.Error{Kind: core.Unavailable, Op: "ask for volume offers", Text: "not all had answered in time"}
	case ctx.Err() != nil:
		return VolumeOffersResult{}, &core.Error{Kind: core.Interrupted, Op: "ask for volume offers", Text: "interrupted"}
	}
	return m.volumeResult(ctx, req, markets, answers, failures, remembered)
}

// volumeResult prices and ranks what everybody said.
func (m *Meson) volumeResult(ctx context.Context, req VolumeOffersRequest, markets map[string]*volumeMarket, answers, failures []core.Answer, remembered []core.Refusal) (VolumeOffersResult, error) {
	r := &asked{policy: req.Policy, now: m.Now(), base: OffersResult{Failures: failures}}
	var err error
	if r.by, err = m.inForce(ctx); err != nil {
		return VolumeOffersResult{}, err
	}
	for i := range answers {
		a := &answers[i]
		if err := m.keepPrices(ctx, a); err != nil {
			return VolumeOffersResult{}, err
		}
		if err := m.useList(ctx, r.by, a); err != nil {
			return VolumeOffersResult{}, err
		}
		if a.Err != nil {
			r.base.Failures = append(r.base.Failures, *a)
		}
	}
	how := r.by.pricing(req.Horizon, r.now, func() string { return strings.ToLower(rand.Text()[:8]) })
	how.Refusals = remembered
	quotes, reasons := market.Quotes(answers, how)
	r.policy.Rates = r.by.rates
	r.ranking = place.Rank(quotes, r.policy)
	r.base.Reasons, r.base.Why = append(reasons, r.ranking.Left...), r.ranking.Why
	ranked := r.result(r.ranking.Quotes, req.Limit)
	result := VolumeOffersResult{Reasons: ranked.Reasons, Failures: ranked.Failures, Why: ranked.Why, Rates: ranked.Rates, Warnings: ranked.Warnings}
	for _, q := range ranked.Quotes {
		if o, ok := markets[q.Provider].offers[q.Offer.ID]; ok {
			result.Quotes = append(result.Quotes, core.VolumeQuote{ID: q.ID, Offer: o, Price: q.Price})
		}
	}
	return result, nil
}
