package iscsi

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mesoncloud/meson/sdk"
)

// How often a resident part looks whether what is recorded is served, and how many
// volumes it works on at once.
const (
	lookEvery   = 2 * time.Second
	ensuredOnce = 8
	// lookPatience is how long one look waits for a volume, such as one whose file
	// system hangs, before the others have their next one without it.
	lookPatience = 30 * time.Second
)

// keep goes on with what dead processes have left, and serves what is recorded. A
// resident part does so for as long as it lives, and keeps the index of every vault
// current; otherwise it is done once.
func (s *store) keep(ctx context.Context) {
	s.sweepImages()
	k := &keeper{store: s, next: map[string]*delay{}, at: map[string]time.Time{}}
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
	watching.Go(func() { k.tidy(ctx) })
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

func newDelay() *delay {
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval, policy.MaxInterval = lookEvery, time.Minute
	return &delay{policy: policy}
}

// keeper has every recorded use served, each volume that fails less and less often.
type keeper struct {
	store *store
	mu    sync.Mutex
	next  map[string]*delay    // by folder
	at    map[string]time.Time // since when a folder is worked on
}

// look goes once over all volumes. Of a resident part it leaves alone, after a while,
// those that are still being worked on.
func (k *keeper) look(ctx context.Context) {
	all, err := k.store.all(ctx)
	if err != nil {
		k.store.log.Warn("the vaults cannot be read", "error", err)
		return
	}
	for _, at := range k.store.vaults {
		if err := at.vault.SweepReadings(); err != nil {
			k.store.log.Warn("what killed readers have left is not known", "vault", at.name, "error", err)
		}
	}
	each := &crew{places: make(chan struct{}, ensuredOnce)}
	if k.store.resident {
		each.patience = lookPatience
	} else {
		// Who has a moment only begins anywhere, so that those that hang are not
		// always the first.
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	shares := false
	for _, f := range all {
		for _, v := range f.whole.All {
			st := v.State
			if len(st.Uses) == 0 && st.Pending == nil && st.ResizeBytes == 0 {
				continue
			}
			if v.Directory {
				shares = true
				continue
			}
			at := found{Volume: v, at: k.store.in(v.Vault), whole: f.whole}
			each.do(func() {
				if !k.take(v.Folder) {
					return
				}
				defer k.leave(v.Folder)
				k.volume(ctx, at)
			})
		}
	}
	if shares && k.store.shares != nil {
		each.do(func() {
			if !k.take("shares") {
				return
			}
			defer k.leave("shares")
			k.try(ctx, "shares", "directories over NFS", func(ctx context.Context) error { return k.store.serveShares(ctx, nil, nil) })
		})
	}
	each.wait()
}

// take reports whether nobody works on a volume, who then does. What takes long is said.
func (k *keeper) take(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	since, busy := k.at[name]
	if !busy {
		k.at[name] = time.Now()
		return true
	}
	if d := k.next[name]; time.Since(since) > lookPatience && (d == nil || time.Now().After(d.at)) {
		if d == nil {
			d = newDelay()
			k.next[name] = d
		}
		d.at = time.Now().Add(d.policy.NextBackOff())
		k.store.log.Warn("still at work, nothing else is done to it", "what", name, "for", time.Since(since).Round(time.Second).String())
	}
	return false
}

func (k *keeper) leave(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.at, name)
}

func (k *keeper) volume(ctx context.Context, f found) {
	if k.store.merging(ctx, f) {
		return
	}
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
		d = newDelay()
		k.next[name] = d
	}
	wait := d.policy.NextBackOff()
	d.at = time.Now().Add(wait)
	k.store.log.Warn("not served as recorded", "what", what, "again_in", wait.Round(time.Second).String(), "error", err)
}
