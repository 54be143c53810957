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

// remember keeps a refusal for every user of the ledger: capacity for its shape
// and zone, quota and funds for the whole provider, and credentials until the
// provider is changed, tested or has succeeded. A provider whose inventory is
// live needs no memory: its next offer tells.
func (d *drive) remember(ctx context.Context, p Provider, q core.Quote, why *core.Error) error {
	r := core.Refusal{Provider: q.Provider, Scope: why.Scope, Text: why.Error()}
	last := rememberCapacity
	switch {
	case why.Kind == core.Denied && why.Source != core.SourceMeson:
		last, r.Scope = 0, ""
	case why.Kind != core.Exhausted:
		return nil
	case why.Scope == core.ScopeQuota || why.Scope == core.ScopeFunds:
		last = rememberAccount
	default:
		r.Zone, r.Shape = q.Zone, q.Shape
	}
	about, err := p.Describe(ctx)
	if err != nil || about.LiveInventory {
		// Of a plugin that does not say, nothing is remembered: a memory spares a
		// question, and nothing depends on it.
		return nil
	}
	if last > 0 {
		r.Until = d.Now().Add(max(last, why.RetryAfter)).UTC()
	}
	return d.Ledger.Remember(ctx, r)
}

// forget drops what was remembered against a provider that has just succeeded.
func (d *drive) forget(ctx context.Context, q core.Quote) {
	if err := d.Ledger.Forget(context.WithoutCancel(ctx), q.Provider, q.Zone, q.Shape); err != nil {
		d.Log.Warn("refusals not forgotten", "provider", q.Provider, "error", err)
	}
}
