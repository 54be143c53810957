package api

import (
	"context"

	"github.com/mesoncloud/meson/core"
)

// ForgetProvider implements [Broker].
func (m *Meson) ForgetProvider(ctx context.Context, name string, what []core.Forgotten) error {
	// Nobody is at what is forgotten, and nobody begins to be.
	locked := map[string]bool{}
	for _, f := range what {
		for _, id := range []string{f.ID, f.Allocation} {
			if id == "" || locked[id] {
				continue
			}
			unlock, err := m.Ledger.Lock(ctx, id)
			if err != nil {
				return err
			}
			defer unlock()
			locked[id] = true
		}
	}
	return m.Ledger.ForgetProvider(ctx, name, what)
}

// ProviderHolds implements [Broker].
func (m *Meson) ProviderHolds(ctx context.Context, name string) ([]core.Forgotten, error) {
	return m.Ledger.ProviderHolds(ctx, name)
}
