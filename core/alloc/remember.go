package alloc

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// How long refusals are remembered where the provider does not say.
const (
	rememberCapacity = 5 * time.Minute
	rememberAccount  = time.Hour
)

// remember keeps a refusal for every user of the ledger. A provider whose
// inventory is live needs no memory: its next offer tells.
func (d *drive) remember(ctx context.Context, q core.Quote, why *core.Error) error {
	if why.Kind != core.Exhausted {
		return nil
	}
	p, err := d.Provider(ctx, q.Provider)
	if err != nil {
		return nil //nolint:nilerr // without the provider there is nobody to spare
	}
	about, err := p.Describe(ctx)
	if err != nil || about.LiveInventory {
		return nil //nolint:nilerr // a memory is a kindness, not a duty
	}
	r := core.Refusal{Provider: q.Provider, Zone: q.Zone, Shape: q.Shape, Scope: why.Scope, Text: why.Error()}
	last := rememberCapacity
	if why.Scope == core.ScopeQuota || why.Scope == core.ScopeFunds {
		last, r.Zone, r.Shape = rememberAccount, "", ""
	}
	r.Until = d.Now().Add(max(last, why.RetryAfter)).UTC()
	return d.Ledger.Remember(ctx, ledger.Refusal(r))
}
