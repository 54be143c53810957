package iscsi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// shortenPatience is how long who is to freeze a volume waits where its chain of files
// is full: less than a broker waits for an answer. What is merged then goes on.
const shortenPatience = 45 * time.Second

// tendPatience is how long a chain that is long is come back to where somebody is in
// the way.
const tendPatience = 3 * time.Second

// shortenEvery is how often it is looked whether the chain has become shorter.
const shortenEvery = 50 * time.Millisecond

// shortened returns when a volume's chain of files has room for one more, at once but
// where it is full; Busy if ctx ends before. It waits without the volume's lock, for
// whoever merges its layers, this process or another: who asks again meanwhile does not
// end that.
func (p *Provider) shortened(ctx context.Context, op, id string) error {
	look := time.NewTicker(shortenEvery)
	defer look.Stop()
	var merged chan error
	for ctx.Err() == nil {
		f, err := p.store.find(ctx, id)
		if err != nil || !layoutOf(f.Volume).Full() {
			return err
		}
		if merged == nil && !p.store.merging(ctx, f) {
			if f, err = f.writable(op); err != nil {
				return err
			}
			done := make(chan error, 1)
			p.jobs.wg.Go(func() { done <- p.store.shorten(p.working, f) })
			merged = done
		}
		select {
		case err := <-merged:
			if err != nil && !errors.Is(err, errOthers) && !errors.Is(err, vault.ErrWanted) {
				return err
			}
			merged = nil
			pauseFor(ctx, shortenEvery)
		case <-look.C:
		case <-ctx.Done():
		}
	}
	return &sdk.Error{
		Kind: sdk.Busy, Op: op, Subject: "volume " + id, Source: sdk.SourceProvider,
		Text: "its chain of files is full and is still being shortened", Hint: "try again in a minute; without a resident part that ends with the command",
	}
}

// shorten merges a volume's layers, however much that copies, until its chain has room
// for one file more. Busy while it cannot be, with who reads it.
func (s *store) shorten(ctx context.Context, f found) error {
	if f.State.Pending != nil {
		if err := f.at.vault.Hold(ctx, f.Ref(), s.finish); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		more, err := s.compactNext(ctx, f, true)
		if err != nil {
			return err
		}
		now, err := f.at.vault.Get(ctx, f.Ref())
		if err != nil || !layoutOf(now).Full() {
			return err
		}
		if !more {
			return f.at.vault.Hold(ctx, f.Ref(), func(_ context.Context, h *vault.Held) error { return h.Unread("shorten chain") })
		}
	}
	return nil
}

// tend shortens the chain of a volume that was frozen, in the background, if it is
// long: so it does not become full. Where somebody is in the way it comes back for a
// while; what is left then is the next one's, or the resident part's.
func (p *Provider) tend(id string) {
	p.jobs.wg.Go(func() {
		for begun := time.Now(); p.working.Err() == nil && time.Since(begun) < tendPatience; pauseFor(p.working, shortenEvery) {
			f, err := p.store.find(p.working, id)
			if err == nil {
				f, err = f.writable("shorten chain")
			}
			if err != nil || !layoutOf(f.Volume).Long() || !p.store.compact(p.working, f) {
				return
			}
		}
	})
}

// roomToPull refuses a merge that leaves a layer which is kept beside a copy of it,
// where the vault's filesystem has no room for that.
func (s *store) roomToPull(ctx context.Context, f found, c image.Change, cost uint64) error {
	if c.Op != image.OpPull {
		return nil
	}
	sp, err := f.at.vault.Space(ctx)
	if err != nil {
		return err
	}
	reserve := uint64(s.config.ReserveGiB) * vault.GiB
	left := sp.FreeBytes - min(sp.FreeBytes, reserve)
	if cost <= left {
		return nil
	}
	return &sdk.Error{
		Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: "shorten chain", Subject: "volume " + f.ID, Source: sdk.SourceProvider,
		Text: fmt.Sprintf("its %d files cannot become fewer: that copies about %d MiB, and %d MiB are free, without the reserve of %d GiB",
			layoutOf(f.Volume).Depth(), (cost+1<<20-1)>>20, left>>20, s.config.ReserveGiB),
		Hint: "make room, or remove snapshots",
	}
}
