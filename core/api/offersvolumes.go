package api

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/core/place"
)

// locateVolumes is how long providers of machines are not asked because it is not
// known yet whether a machine boots from a volume that exists.
const locateVolumes = 10 * time.Second

// search asks storage providers for the volumes of a pledge, while others are asked
// for its machine.
type search struct {
	pledge core.Pledge
	// located is closed when every volume that exists was found, or nobody is left
	// who may have it.
	located chan struct{}
	// done gives all that was said.
	done chan sought

	mu    sync.Mutex
	found []core.VolumeCandidate
	whole bool
}

// sought is what storage providers said to the volumes of a pledge.
type sought struct {
	answers  []core.VolumeAnswer
	failures []core.Answer
	err      error
}

// seekVolumes begins to ask every storage provider for the volumes of a pledge.
func (m *Meson) seekVolumes(ctx context.Context, req OffersRequest) *search {
	s := newSearch(req.Pledge)
	if len(req.Pledge.Volumes) == 0 {
		s.end(sought{})
		return s
	}
	go func() {
		providers, failures, err := m.storage(ctx, "")
		if err != nil {
			s.end(sought{err: err})
			return
		}
		query := core.VolumeQuery{Horizon: req.Horizon}
		answers := market.GatherVolumes(ctx, marketed(providers), req.Pledge.VolumeAsks(), query, m.Market, s.locate)
		s.end(sought{answers: answers, failures: failures})
	}()
	return s
}

func newSearch(pledge core.Pledge) *search {
	s := &search{pledge: pledge, located: make(chan struct{}), done: make(chan sought, 1)}
	s.locate(core.VolumeAnswer{}) // there may be nothing to find
	return s
}

// locate takes note of the volumes that one provider has.
func (s *search) locate(a core.VolumeAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for index, v := range a.Found {
		s.found = append(s.found, core.VolumeCandidate{Index: index, Provider: a.Provider, Plugin: a.Plugin, Found: &v})
	}
	for i, want := range s.pledge.Volumes {
		if want.VID != "" && !slices.ContainsFunc(s.found, func(c core.VolumeCandidate) bool { return c.Index == i }) {
			return
		}
	}
	s.close()
}

func (s *search) end(all sought) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
	s.done <- all
}

// close needs the lock.
func (s *search) close() {
	if !s.whole {
		s.whole = true
		close(s.located)
	}
}

// booting is the pledge as providers of machines are asked for it, once it is known
// what its volumes are, or it took too long.
func (s *search) booting(ctx context.Context) core.Pledge {
	late := time.NewTimer(locateVolumes)
	defer late.Stop()
	select {
	case <-s.located:
	case <-late.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pledge.Booting(s.found)
}

// withVolumes pairs the quotes of machines, which were asked for as a pledge says,
// with its volumes. The price is the sum; machines that do not reach a volume are
// left out, and the reasons say which.
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
	reasons = append(reasons, once(more)...)
	if late, is := foundLate(req.Pledge, candidates); is {
		return nil, append(reasons, late), nil
	}
	paired, blind := place.WithVolumes(quotes, req.Pledge, candidates, r.by.rates)
	return paired, append(reasons, blind...), nil
}

// foundLate is why no machine that was asked for as a pledge says can be taken with
// what was found of its volumes: its price has a boot disk that would not be made,
// or lacks one that would.
func foundLate(asked core.Pledge, candidates []core.VolumeCandidate) (core.Reason, bool) {
	now := asked.Booting(candidates)
	for i, v := range now.Volumes {
		if v == asked.Volumes[i] {
			continue
		}
		r := core.Reason{
			Field: fmt.Sprintf("volumes[%d]", i), Want: v.VID, Have: "found late",
			Text: fmt.Sprintf("volume %s: whether machines boot from it was not known in time to ask for them so: ask again", v.VID),
		}
		if at := slices.IndexFunc(candidates, func(c core.VolumeCandidate) bool { return c.Index == i }); at >= 0 {
			r.Provider = candidates[at].Provider
		}
		return r, true
	}
	return core.Reason{}, false
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
