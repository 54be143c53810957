package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// Offers asks every provider and prices what they answer.
func (m *Meson) Offers(ctx context.Context, req OffersRequest) (OffersResult, error) {
	hash, err := m.pledgeHash(req.Pledge)
	if err != nil {
		return OffersResult{}, err
	}
	asked, err := m.ask(ctx, req)
	if err != nil {
		return OffersResult{}, err
	}
	result := asked.result(asked.ranking.Quotes, req.Limit)
	return result, m.Ledger.PutQuotes(ctx, hash, result.Quotes, m.Now().UTC())
}

// asked is what everybody said to a pledge, priced and ranked.
type asked struct {
	by      *inForce
	policy  place.Policy
	ranking place.Ranking
	base    OffersResult
	now     time.Time
}

// ask gathers, prices and ranks, and keeps the price lists.
func (m *Meson) ask(ctx context.Context, req OffersRequest) (*asked, error) {
	start := m.Now()
	if req.Horizon == 0 {
		req.Horizon = pricing.Month
	}
	providers, err := m.marketProviders(ctx, req.Policy.Provider)
	if err != nil {
		return nil, err
	}
	remembered, err := m.Ledger.Refusals(ctx, m.Now())
	if err != nil {
		return nil, err
	}
	volumes := m.seekVolumes(ctx, req)
	req.Pledge = volumes.booting(ctx)
	// All offers of each: terms, an imported list, and what is left out here put
	// them into another order than the provider's.
	answers := m.gather(ctx, providers, req)
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return nil, &core.Error{Kind: core.Unavailable, Op: "ask for offers", Text: "not all had answered in time"}
	case ctx.Err() != nil:
		return nil, &core.Error{Kind: core.Interrupted, Op: "ask for offers", Text: "interrupted"}
	case len(answers) == 0:
		return nil, noMachines(req.Policy.Provider)
	}
	r := &asked{policy: req.Policy, now: m.Now()}
	if r.by, err = m.inForce(ctx); err != nil {
		return nil, err
	}
	for i := range answers {
		a := &answers[i]
		if err := m.keepPrices(ctx, a); err != nil {
			return nil, err
		}
		if err := m.useList(ctx, r.by, a); err != nil {
			return nil, err
		}
		if a.Err != nil {
			r.base.Failures = append(r.base.Failures, *a)
		}
	}
	how := r.by.pricing(req.Horizon, r.now, func() string { return strings.ToLower(rand.Text()[:8]) })
	how.Refusals = remembered
	quotes, reasons := market.Quotes(answers, how)
	r.policy.Rates = r.by.rates
	if quotes, reasons, err = m.withVolumes(ctx, r, req, quotes, reasons, <-volumes.done); err != nil {
		return nil, err
	}
	r.ranking = place.Rank(quotes, r.policy)
	r.base.Reasons, r.base.Why = append(reasons, r.ranking.Left...), r.ranking.Why
	r.base.Took = m.Now().Sub(start)
	return r, nil
}

// result shows quotes of the ranking, the first ones if there is a limit.
func (r *asked) result(quotes []core.Quote, limit int) OffersResult {
	result := r.base
	result.Quotes = slices.Clone(quotes)
	if limit > 0 && len(quotes) > limit {
		result.Quotes = slices.Clone(quotes[:limit])
	}
	market.Show(result.Quotes, r.by.rates, r.ranking.Currency)
	r.annotate(&result)
	return result
}

// marketProviders are all that are configured, or the one of that name.
func (m *Meson) marketProviders(ctx context.Context, only string) ([]market.Provider, error) {
	configs, err := m.Ledger.Providers(ctx)
	if err != nil {
		return nil, err
	}
	var providers []market.Provider
	for _, cfg := range configs {
		if only == "" || cfg.Name == only {
			providers = append(providers, m.Host.Provider(cfg))
		}
	}
	if len(providers) > 0 {
		return providers, nil
	}
	if only != "" {
		return nil, &core.Error{Kind: core.NotFound, Subject: "provider " + only, Text: "not configured", Hint: "meson provider ls"}
	}
	return nil, &core.Error{
		Kind: core.NoOffer, Text: "no provider is configured", Hint: "meson provider add NAME --plugin PLUGIN, or meson plugin ls to see which plugins there are",
	}
}

// noOffer is the error of a pledge that nobody can take, every reason a fault.
func noOffer(result OffersResult) error {
	e := &core.Error{Kind: core.NoOffer, Op: "deploy", Text: "nobody can provide it"}
	for _, r := range result.Reasons {
		f := core.Fault{Path: strings.TrimSpace(r.Provider + " " + r.Candidate), Have: r.Have, Want: r.Want, Text: r.Text}
		if r.Relax != "" {
			f.Text += fmt.Sprintf(" (would fit with %s)", r.Relax)
		}
		e.Faults = append(e.Faults, f)
	}
	for _, a := range result.Failures {
		e.Faults = append(e.Faults, core.Fault{Path: a.Provider, Text: a.Err.Error()})
	}
	return e
}

// expired reports whether a quote no longer binds.
func expired(q core.Quote, now time.Time) bool { return !now.Before(q.ExpiresAt) }
