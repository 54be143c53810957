package alloc

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/core"
)

// How long refusals are remembered where the provider does not say.
const (
	rememberCapacity = 5 * time.Minute
	rememberAccount  = time.Hour
)

// refusable is what a provider may refuse: a machine of a shape in a zone, or a
// volume. Every is the shape that stands for all that the same quota counts.
type refusable struct {
	provider, zone, shape string
	every                 string
}

func machineOf(q core.Quote) refusable { return refusable{q.Provider, q.Zone, q.Shape, ""} }

func volumeOf(o core.VolumeOffer) refusable {
	return refusable{o.Provider, o.Zone, core.VolumeShape(o), core.AllVolumes}
}

// remember keeps a refusal for every user of the ledger: capacity for its shape
// and zone, a quota for all that it counts at the provider, funds for the whole
// provider, and credentials until the provider is changed, tested or has
// succeeded. A provider whose inventory is live needs no memory: its next offer
// tells.
func (e *Engine) remember(ctx context.Context, p asked, what refusable, why *core.Error) error {
	r := core.Refusal{Provider: what.provider, Scope: why.Scope, Text: why.Error()}
	last := rememberCapacity
	switch {
	case why.Kind == core.Denied && why.Source != core.SourceMeson:
		last, r.Scope = 0, ""
	case why.Kind != core.Exhausted:
		return nil
	case why.Scope == core.ScopeQuota:
		last, r.Shape = rememberAccount, what.every
	case why.Scope == core.ScopeFunds:
		last = rememberAccount
	default:
		r.Zone, r.Shape = what.zone, what.shape
	}
	about, err := p.Describe(ctx)
	if err != nil || about.LiveInventory {
		// Of a plugin that does not say, nothing is remembered: a memory spares a
		// question, and nothing depends on it.
		return nil
	}
	if last > 0 {
		r.Until = e.Now().Add(max(last, why.RetryAfter)).UTC()
	}
	return e.Ledger.Remember(ctx, r)
}

// forget drops what was remembered against a provider that has just succeeded.
func (e *Engine) forget(ctx context.Context, what refusable) {
	err := e.Ledger.Forget(context.WithoutCancel(ctx), what.provider, what.zone, what.shape)
	if err == nil && what.every != "" {
		err = e.Ledger.Forget(context.WithoutCancel(ctx), what.provider, what.zone, what.every)
	}
	if err != nil {
		e.Log.Warn("refusals not forgotten", "provider", what.provider, "error", err)
	}
}
