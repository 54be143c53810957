package iscsi

import (
	"context"
	"slices"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
)

// tidiedOnce is of how many volumes space is won back at once.
const tidiedOnce = 2

// tidy wins back the space of what nobody asks for any more, and shortens long chains,
// beside the looks that have volumes served, until ctx ends.
func (k *keeper) tidy(ctx context.Context) {
	each := &crew{places: make(chan struct{}, tidiedOnce), patience: lookPatience}
	for ctx.Err() == nil {
		pauseFor(ctx, lookEvery)
		all, err := k.store.all(ctx)
		if err != nil {
			continue // who looks says it
		}
		for _, f := range all {
			for _, v := range f.whole.All {
				at := found{Volume: v, at: k.store.in(v.Vault), whole: f.whole}
				forgotten := slices.ContainsFunc(v.State.Snapshots, func(one vault.Snapshot) bool { return one.Hidden })
				if !forgotten && !layoutOf(v).Long() || ctx.Err() != nil || !k.store.rests.over(v.Folder) {
					continue
				}
				each.do(func() { k.store.compact(ctx, at) })
			}
		}
	}
	each.wait()
}

// merging reports whether somebody merges layers of a volume just now, and what serves
// it lives: who looks whether it is served does not end the merge then.
func (s *store) merging(ctx context.Context, f found) bool {
	p := f.State.Pending
	if p == nil || !image.Op(p.Op).Merges() || !f.at.vault.Worked(f.Volume) {
		return false
	}
	if len(standing(f.Volume, "nbd")) > 0 {
		if d, err := s.running(ctx, s.nbdDir(f.Volume)); err != nil || d == nil {
			return false
		}
	}
	if s.targets == nil || len(standing(f.Volume, "iscsi")) == 0 {
		return true
	}
	status, err := s.targets.Status(ctx, key(f.Volume))
	return err == nil && status != nil
}
