package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// askLive is how long List and Show wait for a provider.
const askLive = 5 * time.Second

// Show is one machine, asked live.
func (m *Meson) Show(ctx context.Context, name string) (core.Allocation, []core.Attempt, error) {
	a, err := m.Ledger.Allocation(ctx, name)
	if err != nil {
		return a, nil, err
	}
	attempts, err := m.Ledger.Attempts(ctx, a.ID)
	if err != nil {
		return a, nil, err
	}
	return m.live(ctx, a, attempts), attempts, nil
}

// List is every machine, each asked live and all at once.
func (m *Meson) List(ctx context.Context, req ListRequest) ([]core.Allocation, error) {
	list, err := m.Ledger.Allocations(ctx, ledger.Filter{Final: req.All, Provider: req.Provider})
	if err != nil {
		return nil, err
	}
	var all sync.WaitGroup
	for i, a := range list {
		if !settledAt(a.State) {
			continue
		}
		all.Go(func() {
			attempts, err := m.Ledger.Attempts(ctx, a.ID)
			if err != nil {
				list[i] = unreachable(a, err)
				return
			}
			list[i] = m.live(ctx, a, attempts)
		})
	}
	all.Wait()
	return list, nil
}

// settledAt reports whether the provider is the truth about a machine's state:
// it has run, and nothing drives it.
func settledAt(s core.State) bool {
	switch s {
	case core.Running, core.Stopped, core.Starting, core.Stopping:
		return true
	}
	return false
}

// live is the allocation with what its provider says now. It changes nothing:
// who only looks never takes over, and never writes.
func (m *Meson) live(ctx context.Context, a core.Allocation, attempts []core.Attempt) core.Allocation {
	if a.Offer == nil || !settledAt(a.State) || len(attempts) == 0 {
		return a
	}
	ctx, cancel := context.WithTimeout(ctx, askLive)
	defer cancel()
	p, err := m.provider(ctx, a.Offer.Provider)
	if err != nil {
		return unreachable(a, err)
	}
	inst, err := p.Get(ctx, refOf(a, attempts))
	switch {
	case err == nil:
		a.Instance, a.State = &inst, inst.State
	case core.KindOf(err) == core.NotFound:
		a.State, a.Message = core.Failed, "the provider no longer has it; meson rm "+a.Name+" clears it away"
	default:
		return unreachable(a, err)
	}
	return a
}

func unreachable(a core.Allocation, err error) core.Allocation {
	a.LastSeen, a.Message = a.UpdatedAt, "not reached: "+err.Error()
	return a
}

// refOf names the machine of an allocation: that of its last attempt.
func refOf(a core.Allocation, attempts []core.Attempt) core.InstanceRef {
	last := attempts[len(attempts)-1]
	return core.InstanceRef{Owner: last.Owner, Zone: last.Quote.Zone}
}

// Remove returns when the machine is gone.
func (m *Meson) Remove(ctx context.Context, req RemoveRequest) (core.Allocation, error) {
	a, err := m.Ledger.Allocation(ctx, req.Name)
	if err != nil {
		return a, err
	}
	return m.engine.Release(ctx, a.ID, m.reporter(m.Now(), a, req.Progress))
}

// Resume takes over what nobody drives.
func (m *Meson) Resume(ctx context.Context, name string, progress func(Progress)) ([]core.Allocation, error) {
	if name != "" {
		a, err := m.Ledger.Allocation(ctx, name)
		if err != nil {
			return nil, err
		}
		a, err = m.engine.Drive(ctx, a.ID, m.reporter(m.Now(), a, progress))
		return []core.Allocation{a}, err
	}
	begun, tell := m.Now(), oneAtATime(progress)
	taken, errs := m.engine.TakeOver(ctx, func(a core.Allocation) alloc.Report { return m.reporter(begun, a, tell) })
	m.warnOfStrays(ctx)
	return taken, joined(errs)
}

// joined are errors by id, in one order.
func joined(errs map[string]error) error {
	var all []error
	for _, id := range slices.Sorted(maps.Keys(errs)) {
		all = append(all, errs[id])
	}
	return errors.Join(all...)
}

// Events of one allocation, or of all.
func (m *Meson) Events(ctx context.Context, name string, after int64, limit int) ([]core.Event, error) {
	q := ledger.Query{After: after, Limit: limit}
	if name != "" {
		a, err := m.Ledger.Allocation(ctx, name)
		if err != nil {
			return nil, err
		}
		q.Allocation = a.ID
	}
	return m.Ledger.Events(ctx, q)
}

// reporter tells of the steps of one allocation since a time.
func (m *Meson) reporter(begun time.Time, a core.Allocation, progress func(Progress)) alloc.Report {
	return func(step, text string, percent int) {
		if progress != nil {
			progress(Progress{Allocation: a.ID, Name: a.Name, Step: step, Text: text, Percent: percent, Since: m.Now().Sub(begun)})
		}
	}
}

// oneAtATime is progress for several allocations that are worked on at once.
func oneAtATime(progress func(Progress)) func(Progress) {
	if progress == nil {
		return nil
	}
	var mu sync.Mutex
	return func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		progress(p)
	}
}
