package iscsi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// How often a resident part looks whether what is recorded is served, and how many
// volumes it works on at once.
const (
	lookEvery   = 2 * time.Second
	ensuredOnce = 8
)

// keep goes on with what dead processes have left, and serves what is recorded. A
// resident part does so for as long as it lives, and keeps the index of every vault
// current; otherwise it is done once.
func (s *store) keep(ctx context.Context) {
	s.sweepImages()
	k := &keeper{store: s, next: map[string]*delay{}, tidied: map[string]time.Time{}, tidy: s.resident}
	if !s.resident {
		k.look(ctx)
		return
	}
	var watching sync.WaitGroup
	for _, at := range s.vaults {
		watching.Go(func() {
			for ctx.Err() == nil {
				if err := at.vault.Watch(ctx); err != nil && ctx.Err() == nil {
					s.log.Warn("the vault is not watched", "vault", at.name, "error", err)
				}
				pauseFor(ctx, lookEvery)
			}
		})
	}
	for ctx.Err() == nil {
		began := time.Now()
		k.look(ctx)
		// However many volumes there are, looking takes a tenth of the time.
		pauseFor(ctx, max(lookEvery, 9*time.Since(began)))
	}
	watching.Wait()
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// delay is when a volume that cannot be served is tried again.
type delay struct {
	policy backoff.BackOff
	at     time.Time
}

// keeper has every recorded use served, each volume that fails less and less often.
type keeper struct {
	store *store
	// tidy is whether space of forgotten layers is won back too.
	tidy   bool
	mu     sync.Mutex
	tidied map[string]time.Time // by folder
	next   map[string]*delay    // by folder
}

// look goes once over all volumes.
func (k *keeper) look(ctx context.Context) {
	all, err := k.store.all(ctx)
	if err != nil {
		k.store.log.Warn("the vaults cannot be read", "error", err)
		return
	}
	var each errgroup.Group
	each.SetLimit(ensuredOnce)
	shares := false
	for _, f := range all {
		for _, v := range f.whole.All {
			st := v.State
			forgotten := k.tidy && slices.ContainsFunc(st.Snapshots, func(one vault.Snapshot) bool { return one.Hidden })
			if len(st.Uses) == 0 && st.Pending == nil && st.ResizeBytes == 0 && !forgotten {
				continue
			}
			if v.Directory {
				shares = true
				continue
			}
			at := found{Volume: v, at: k.store.in(v.Vault), whole: f.whole}
			each.Go(func() error {
				k.volume(ctx, at)
				if forgotten && k.due(v.Folder) {
					k.store.compact(ctx, at)
				}
				return nil
			})
		}
	}
	if shares && k.store.shares != nil {
		each.Go(func() error {
			k.try(ctx, "shares", "directories over NFS", func(ctx context.Context) error { return k.store.serveShares(ctx, nil, nil) })
			return nil
		})
	}
	_ = each.Wait()
}

func (k *keeper) volume(ctx context.Context, f found) {
	k.try(ctx, f.Folder, "volume "+f.ID, func(ctx context.Context) error {
		if err := k.store.resume(ctx, f); err != nil && sdk.KindOf(err) != sdk.NotFound {
			return err
		}
		err := k.store.settle(ctx, f)
		for _, u := range f.State.Uses {
			err = errors.Join(err, copied(f.Volume, u))
		}
		if sdk.KindOf(err) != sdk.NotFound {
			return err
		}
		if _, gone := f.at.vault.Get(ctx, f.Ref()); sdk.KindOf(gone) == sdk.NotFound {
			return nil
		}
		return fmt.Errorf("something of it is missing: %w", err)
	})
}

// tidyEvery is how often it is seen whether space can be won back of a volume.
const tidyEvery = time.Minute

func (k *keeper) due(folder string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.tidied[folder]) < tidyEvery {
		return false
	}
	k.tidied[folder] = time.Now()
	return true
}

// try does something unless it failed a short time ago.
func (k *keeper) try(ctx context.Context, name, what string, do func(context.Context) error) {
	k.mu.Lock()
	d := k.next[name]
	k.mu.Unlock()
	if d != nil && time.Now().Before(d.at) || ctx.Err() != nil {
		return
	}
	err := do(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil || ctx.Err() != nil {
		if d != nil {
			k.store.log.Info("served again", "what", what)
		}
		delete(k.next, name)
		return
	}
	if d == nil {
		policy := backoff.NewExponentialBackOff()
		policy.InitialInterval, policy.MaxInterval = lookEvery, time.Minute
		d = &delay{policy: policy}
		k.next[name] = d
	}
	wait := d.policy.NextBackOff()
	d.at = time.Now().Add(wait)
	k.store.log.Warn("not served as recorded", "what", what, "again_in", wait.Round(time.Second).String(), "error", err)
}
