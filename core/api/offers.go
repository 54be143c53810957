package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	result, placement, err := m.ask(ctx, req)
	if err != nil {
		return OffersResult{}, err
	}
	if req.Limit > 0 && len(placement.Quotes) > req.Limit {
		placement.Quotes = placement.Quotes[:req.Limit]
	}
	result.Quotes = placement.Quotes
	return result, m.Ledger.PutQuotes(ctx, hash, result.Quotes, m.Now().UTC())
}

// ask gathers, prices and places, and keeps the price lists.
func (m *Meson) ask(ctx context.Context, req OffersRequest) (OffersResult, core.Placement, error) {
	start := m.Now()
	if req.Horizon == 0 {
		req.Horizon = pricing.Month
	}
	providers, err := m.marketProviders(ctx, req.Policy.Provider)
	if err != nil {
		return OffersResult{}, core.Placement{}, err
	}
	remembered, err := m.Ledger.Refusals(ctx, m.Now())
	if err != nil {
		return OffersResult{}, core.Placement{}, err
	}
	answers := market.Gather(ctx, providers, req.Pledge, core.OfferQuery{Horizon: req.Horizon}, m.Market, req.OnAnswer)
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return OffersResult{}, core.Placement{}, &core.Error{Kind: core.Unavailable, Op: "ask for offers", Text: "not all had answered in time"}
	case ctx.Err() != nil:
		return OffersResult{}, core.Placement{}, &core.Error{Kind: core.Interrupted, Op: "ask for offers", Text: "interrupted"}
	}
	var result OffersResult
	for i := range answers {
		a := &answers[i]
		if err := m.keepPrices(ctx, a); err != nil {
			return OffersResult{}, core.Placement{}, err
		}
		if a.Err != nil {
			result.Failures = append(result.Failures, *a)
		}
	}
	quotes, reasons := market.Quotes(answers, req.Horizon, remembered, m.Now(), func() string { return strings.ToLower(rand.Text()[:8]) })
	placement, left := place.Choose(quotes, req.Policy)
	result.Quotes, result.Reasons, result.Why = placement.Quotes, append(reasons, left...), placement.Why
	result.Took = m.Now().Sub(start)
	return result, placement, nil
}

// keepPrices keeps the list that an answer's offers refer to. A list that says
// something else than before under the same revision is that provider's fault,
// and its offers fall.
func (m *Meson) keepPrices(ctx context.Context, a *core.Answer) error {
	if a.Prices == nil || len(a.Offers) == 0 {
		return nil
	}
	err := m.Ledger.PutPriceList(ctx, a.Provider, a.Prices)
	if core.KindOf(err) != core.Conflict {
		return err
	}
	a.Offers = nil
	a.Err = &core.Error{Kind: core.Internal, Op: "ask for prices", Subject: "provider " + a.Provider, Source: core.SourcePlugin, Err: err}
	return nil
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
