package api

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// VolumeOffers implements [Broker].
func (m *Meson) VolumeOffers(ctx context.Context, req VolumeOffersRequest) (VolumeOffersResult, error) {
	native, r, err := m.rankVolumes(ctx, req)
	if err != nil {
		return VolumeOffersResult{}, err
	}
	shown := r.result(r.ranking.Quotes, req.Limit)
	result := VolumeOffersResult{Reasons: shown.Reasons, Failures: shown.Failures, Why: shown.Why, Rates: shown.Rates, Warnings: shown.Warnings}
	for i, q := range shown.Quotes {
		result.Quotes = append(result.Quotes, core.VolumeQuote{ID: q.ID, Offer: native[i].Offer, Price: q.Price})
	}
	return result, nil
}

// rankVolumes asks every storage provider for a volume, and gives the quotes that
// the policy allows, best first and native, and the same as if they were of
// machines, since what ranks and shows these does so for those.
func (m *Meson) rankVolumes(ctx context.Context, req VolumeOffersRequest) ([]core.VolumeQuote, *asked, error) {
	if req.Horizon == 0 {
		req.Horizon = pricing.Month
	}
	providers, failures, err := m.storage(ctx, req.Policy.Provider)
	if err != nil {
		return nil, nil, err
	}
	if len(providers) == 0 && len(failures) == 0 {
		return nil, nil, &core.Error{Kind: core.NoOffer, Text: "no provider that is configured makes volumes", Hint: "meson plugin ls shows which plugins do: those that serve Storage"}
	}
	query := core.VolumeQuery{Horizon: req.Horizon, Kinds: req.Kinds}
	answers := market.GatherVolumes(ctx, marketed(providers), []core.VolumeAsk{{Spec: req.Spec}}, query, m.Market, nil)
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return nil, nil, &core.Error{Kind: core.Unavailable, Op: "ask for volume offers", Text: "not all had answered in time"}
	case ctx.Err() != nil:
		return nil, nil, &core.Error{Kind: core.Interrupted, Op: "ask for volume offers", Text: "interrupted"}
	}
	r := &asked{policy: req.Policy, now: m.Now(), base: OffersResult{Failures: failures}}
	if r.by, err = m.inForce(ctx); err != nil {
		return nil, nil, err
	}
	candidates, reasons, failed, err := m.priceVolumes(ctx, r.by, answers, req.Horizon)
	if err != nil {
		return nil, nil, err
	}
	quotes := make([]core.Quote, 0, len(candidates))
	volumes := make(map[string]core.VolumeQuote, len(candidates))
	for _, c := range candidates {
		if c.Quote == nil {
			continue
		}
		o := c.Quote.Offer
		volumes[c.Quote.ID] = *c.Quote
		quotes = append(quotes, core.Quote{ID: c.Quote.ID, Price: c.Quote.Price, Offer: core.Offer{
			ID: o.ID, Provider: o.Provider, Plugin: o.Plugin, Region: o.Region, Zone: o.Zone, Shape: o.Tier, Unknown: o.Unknown, Quantities: o.Quantities,
			ListRevision: o.ListRevision, ExpiresAt: o.ExpiresAt, Facts: o.Facts, QuoteOnly: o.QuoteOnly,
		}})
	}
	r.policy.Rates = r.by.rates
	r.ranking = place.Rank(quotes, r.policy)
	r.base.Reasons, r.base.Failures, r.base.Why = append(reasons, r.ranking.Left...), append(failures, failed...), r.ranking.Why
	native := make([]core.VolumeQuote, len(r.ranking.Quotes))
	for i, q := range r.ranking.Quotes {
		native[i] = volumes[q.ID]
	}
	return native, r, nil
}

func marketed(providers []*host.Provider) []market.Storage {
	out := make([]market.Storage, len(providers))
	for i, p := range providers {
		out[i] = p
	}
	return out
}

// priceVolumes prices what storage providers answered, by the lists in use, which
// it keeps as those of machines are kept.
func (m *Meson) priceVolumes(ctx context.Context, by *inForce, answers []core.VolumeAnswer, horizon pricing.Horizon) ([]core.VolumeCandidate, []core.Reason, []core.Answer, error) {
	var failures []core.Answer
	for i := range answers {
		a := &answers[i]
		if err := m.useVolumeList(ctx, by, a, true); err != nil {
			return nil, nil, nil, err
		}
		if a.Err != nil {
			failures = append(failures, core.Answer{Provider: a.Provider, Plugin: a.Plugin, Err: a.Err, Took: a.Took})
		}
	}
	how := by.pricing(horizon, m.Now(), func() string { return strings.ToLower(rand.Text()[:8]) })
	var err error
	if how.Refusals, err = m.Ledger.Refusals(ctx, m.Now()); err != nil {
		return nil, nil, nil, err
	}
	candidates, reasons := market.VolumeQuotes(answers, how)
	return candidates, reasons, failures, nil
}

// useVolumeList puts the price list in use in place of that of an answer, as
// useList does; the answer's own is kept first, if keep says so.
func (m *Meson) useVolumeList(ctx context.Context, by *inForce, a *core.VolumeAnswer, keep bool) error {
	plain := core.Answer{Provider: a.Provider, Plugin: a.Plugin, Prices: a.Prices, Err: a.Err}
	for _, offers := range a.Offers {
		for _, o := range offers {
			plain.Offers = append(plain.Offers, core.Offer{ID: o.ID, ListRevision: o.ListRevision})
		}
	}
	if keep {
		if err := m.keepPrices(ctx, &plain); err != nil {
			return err
		}
	}
	if err := m.useList(ctx, by, &plain); err != nil {
		return err
	}
	a.Prices, a.Err, a.Reasons = plain.Prices, plain.Err, append(a.Reasons, plain.Reasons...)
	revisions := make(map[string]string, len(plain.Offers))
	for _, o := range plain.Offers {
		revisions[o.ID] = o.ListRevision
	}
	for index, offers := range a.Offers {
		offers = slices.DeleteFunc(offers, func(o core.VolumeOffer) bool {
			_, kept := revisions[o.ID]
			return !kept
		})
		for i := range offers {
			offers[i].ListRevision = revisions[offers[i].ID]
		}
		a.Offers[index] = offers
	}
	return nil
}

// priceVolumeAgain is priceAgain for the offer of a volume.
func (m *Meson) priceVolumeAgain(ctx context.Context, answer *core.VolumeAnswer, shown core.VolumeQuote) ([]core.VolumeQuote, []core.Reason, error) {
	by, err := m.inForce(ctx)
	if err != nil {
		return nil, nil, err
	}
	keep := answer.Prices == nil || !m.lists.has(answer.Provider, answer.Prices)
	if err := m.useVolumeList(ctx, by, answer, keep); err != nil {
		return nil, nil, err
	}
	candidates, reasons := market.VolumeQuotes([]core.VolumeAnswer{*answer},
		by.pricing(pricing.Horizon(shown.Price.ForHours), m.Now(), func() string { return shown.ID }))
	var quotes []core.VolumeQuote
	for _, c := range candidates {
		if c.Quote != nil {
			quotes = append(quotes, *c.Quote)
		}
	}
	return quotes, reasons, nil
}
