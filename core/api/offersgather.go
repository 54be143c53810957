package api

import (
	"context"
	"slices"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
)

const computeService = "meson.plugin.v1.Compute"

// gather asks providers for a machine. What makes no machines has no answer, and
// has not failed.
func (m *Meson) gather(ctx context.Context, providers []market.Provider, req OffersRequest) []core.Answer {
	onAnswer := req.OnAnswer
	if onAnswer != nil {
		onAnswer = func(a core.Answer) {
			if !m.makesNoMachines(ctx, a) {
				req.OnAnswer(a)
			}
		}
	}
	answers := market.Gather(ctx, providers, req.Pledge, core.OfferQuery{Horizon: req.Horizon}, m.Market, onAnswer)
	return filter(answers, func(a core.Answer) bool { return !m.makesNoMachines(ctx, a) })
}

// makesNoMachines reports whether an answer is that of a provider whose plugin has
// none: one that does not answer may have some.
func (m *Meson) makesNoMachines(ctx context.Context, a core.Answer) bool {
	if a.Err == nil || a.Err.Kind != core.Unsupported {
		return false
	}
	p, err := m.provider(ctx, a.Provider)
	if err != nil {
		return false
	}
	about, err := p.Describe(ctx)
	return err == nil && !slices.Contains(about.Services, computeService)
}

// noMachines is the error where none of those asked makes machines.
func noMachines(only string) error {
	if only != "" {
		return &core.Error{Kind: core.Unsupported, Subject: "provider " + only, Text: "it makes volumes, and no machines", Hint: "meson volume create NAME --provider " + only}
	}
	return &core.Error{
		Kind: core.NoOffer, Text: "no provider that is configured makes machines", Hint: "meson plugin ls shows which plugins do: those that serve Compute",
	}
}
