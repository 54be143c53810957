package api

import (
	"context"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/core/place"
)

// sought is what storage providers said to the volumes of a pledge.
type sought struct {
	answers  []core.VolumeAnswer
	failures []core.Answer
	err      error
}

// seekVolumes asks every storage provider for the volumes of a pledge, while
// others are asked for its machine. The function that it returns waits for the
// answers.
func (m *Meson) seekVolumes(ctx context.Context, req OffersRequest) (wait func() sought) {
	if len(req.Pledge.Volumes) == 0 {
		return func() sought { return sought{} }
	}
	done := make(chan sought, 1)
	go func() {
		providers, failures, err := m.storage(ctx, "")
		if err != nil {
			done <- sought{err: err}
			return
		}
		query := core.VolumeQuery{Horizon: req.Horizon}
		done <- sought{answers: market.GatherVolumes(ctx, marketed(providers), req.Pledge.VolumeAsks(), query, m.Market, nil), failures: failures}
	}()
	return func() sought { return <-done }
}

// withVolumes pairs the quotes of machines with the volumes of their pledge. The
// price is the sum; machines that do not reach a volume are left out, and the
// reasons say which.
func (m *Meson) withVolumes(ctx context.Context, r *asked, req OffersRequest, quotes []core.Quote, reasons []core.Reason, volumes sought) ([]core.Quote, []core.Reason, error) {
	if len(req.Pledge.Volumes) == 0 {
		return quotes, reasons, nil
	}
	if volumes.err != nil {
		return nil, nil, volumes.err
	}
	candidates, more, failed, err := m.priceVolumes(ctx, r.by, volumes.answers, req.Horizon)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]bool{}
	for _, f := range r.base.Failures {
		known[f.Provider] = true
	}
	for _, f := range append(volumes.failures, failed...) {
		if !known[f.Provider] { // it has failed as a provider of machines, too
			known[f.Provider] = true
			r.base.Failures = append(r.base.Failures, f)
		}
	}
	paired, blind := place.WithVolumes(quotes, req.Pledge, candidates, r.by.rates)
	return paired, append(append(reasons, once(more)...), blind...), nil
}

// once leaves out what is said twice: several volumes of a pledge may be refused
// for one reason.
func once(reasons []core.Reason) []core.Reason {
	seen := map[string]bool{}
	return filter(reasons, func(r core.Reason) bool {
		key := r.Provider + "\n" + r.Candidate + "\n" + r.Text
		was := seen[key]
		seen[key] = true
		return !was
	})
}
