package alloc

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// atOnce is how many volumes of one machine are made, or exported, at the same
// time.
const atOnce = 8

// makeVolumes makes the volumes of an attempt, several at once, or gives the
// attempt up along with those that are refused. What is under way then is finished,
// since the next attempt may use it; what is not begun is left.
func (d *drive) makeVolumes(ctx context.Context, t core.Attempt, volumes []core.VolumeRecord) (given bool, err error) {
	makers := d.together()
	refusals, errs := make([]*core.Error, len(volumes)), make([]error, len(volumes))
	var stop atomic.Bool
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i, v := range volumes {
		all.Go(func() error {
			if stop.Load() || ctx.Err() != nil {
				return nil
			}
			_, refusals[i], errs[i] = makers.make(ctx, v)
			if refusals[i] != nil || errs[i] != nil {
				stop.Store(true)
			}
			return nil
		})
	}
	_ = all.Wait() // each has its own end
	d.Step("volumes.answered")
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if refused, why := refusalsOf(volumes, refusals); len(refused) > 0 {
		return true, d.refuseVolumes(ctx, t, refused, why)
	}
	for i, err := range errs {
		if err != nil {
			return false, d.unsure(ctx, t, core.AsError(err, "volume "+volumes[i].Name))
		}
	}
	return false, nil
}

// refusalsOf are the refusals by the id of their volumes, and what to say of them.
func refusalsOf(volumes []core.VolumeRecord, all []*core.Error) (map[string]*core.Error, string) {
	refused := map[string]*core.Error{}
	var why []string
	for i, e := range all {
		if e != nil {
			refused[volumes[i].ID] = e
			why = append(why, fmt.Sprintf("volume %s: %s", volumes[i].Name, e.Error()))
		}
	}
	return refused, strings.Join(why, "; ")
}

// refuseVolumes records that the volumes that were refused, and their attempt, are
// to be undone. The attempt's error is that of the first.
func (d *drive) refuseVolumes(ctx context.Context, t core.Attempt, refused map[string]*core.Error, why string) error {
	return d.noteHeld(ctx, t, "create.refused", why, func(h *ledger.Held) {
		h.Attempt.State, h.Attempt.Error = core.AttemptUndoing, nil
		for i := range h.Volumes {
			v := &h.Volumes[i]
			if e := refused[v.ID]; e != nil {
				v.State, v.Error = core.VolumeUndoing, e
				if h.Attempt.Error == nil {
					h.Attempt.Error = e
				}
			}
		}
	})
}

// together drives several volumes at once.
func (d *drive) together() volumeDrive {
	calls, engine, v := &sync.RWMutex{}, *d.Engine, d.volumes()
	engine.Storage = func(ctx context.Context, name string) (Storage, error) {
		s, err := d.Storage(ctx, name)
		if err != nil {
			return nil, err
		}
		return sharing{Storage: s, calls: calls}, nil
	}
	v.Engine = &engine
	return v
}

// sharing is a storage provider that is asked for several volumes at once: its
// plugin is not restarted for the sake of one while another one is being answered,
// whose outcome would then not be known either. One plugin may serve several
// providers, so calls is the same for all of them.
type sharing struct {
	Storage
	calls *sync.RWMutex
}

// CreateVolume is the provider's, when nobody restarts it.
func (s sharing) CreateVolume(ctx context.Context, req core.CreateVolumeRequest) (core.Volume, error) {
	s.calls.RLock()
	defer s.calls.RUnlock()
	return s.Storage.CreateVolume(ctx, req)
}

// Restart is the provider's, when nobody waits for it to make a volume.
func (s sharing) Restart(ctx context.Context) error {
	s.calls.Lock()
	defer s.calls.Unlock()
	return s.Storage.Restart(ctx)
}
