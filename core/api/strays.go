package api

import (
	"context"
	"sync"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
)

// warnOfStrays tells of machines that bear this ledger's mark and that it knows
// nothing of, or holds to be gone: what is left where a ledger was restored from
// a backup that is older than they are. They are never removed unasked: the
// ledger is not the one that made them.
func (m *Meson) warnOfStrays(ctx context.Context) {
	providers, err := m.Ledger.Providers(ctx)
	if err != nil {
		m.Log.Warn("providers not asked for machines that nobody knows", "error", err)
		return
	}
	var all sync.WaitGroup
	for _, cfg := range providers {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, askLive)
			defer cancel()
			p := m.Host.Provider(cfg)
			list, err := p.List(ctx, m.Ledger.ID())
			if err != nil {
				m.Log.Debug("not asked for machines that nobody knows", "provider", cfg.Name, "error", err)
			}
			m.warnOfStrayVolumes(ctx, p)
			for _, inst := range list {
				if m.stray(ctx, p, inst) {
					m.Log.Warn("a machine of this ledger that it does not know, and that may cost money: remove it at the provider",
						"provider", cfg.Name, "zone", inst.Zone, "name", inst.Name, "machine", inst.ID)
				}
			}
		})
	}
	all.Wait()
}

// stray reports whether nobody knows of a machine. The ledger is read after the
// provider was asked: an intent is older than its machine.
func (m *Meson) stray(ctx context.Context, p *host.Provider, inst core.Instance) bool {
	a, err := m.Ledger.Allocation(ctx, inst.Owner.Allocation)
	if err == nil && !a.State.Final() || err != nil && core.KindOf(err) != core.NotFound {
		return false
	}
	// It may have been removed meanwhile.
	_, err = p.Get(ctx, core.InstanceRef{Owner: inst.Owner, Zone: inst.Zone})
	return err == nil
}

// warnOfStrayVolumes does the same for volumes.
func (m *Meson) warnOfStrayVolumes(ctx context.Context, p *host.Provider) {
	list, err := p.ListVolumes(ctx, m.Ledger.ID())
	if err != nil || len(list) == 0 {
		return
	}
	// Read after the provider was asked: an intent is older than its volume.
	records, err := m.Ledger.Volumes(ctx, ledger.VolumeFilter{Provider: p.Name()})
	if err != nil {
		return
	}
	known := make(map[string]bool, len(records))
	for _, r := range records {
		known[r.Owner.Key] = true
	}
	for _, v := range list {
		if known[v.Owner.Key] {
			continue
		}
		// It may have been removed meanwhile.
		if _, err := p.GetVolume(ctx, core.VolumeRef{ID: v.ID}); err == nil {
			m.Log.Warn("a volume of this ledger that it does not know, and that may cost money: meson volume rm removes it",
				"provider", p.Name(), "name", v.Name, "volume", v.ID)
		}
	}
}
