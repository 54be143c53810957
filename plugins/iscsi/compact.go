package iscsi

import (
	"context"
	"errors"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// compactBytes is how much a merge copies that a command which ends soon begins with;
// more is for a resident part.
const compactBytes = 1 << 30

// compactPatience is how long a merge tries to begin where somebody has the volume, or
// where a process that is just being started still has the lock of who had it.
const compactPatience = time.Second

// compact wins back the space of layers that nobody asks for, and shortens long
// chains, one change after the other. It yields to whoever wants the volume, and does
// nothing while somebody reads it at length. What is left, the next one does; putOff
// says that somebody was in the way.
func (s *store) compact(ctx context.Context, f found) (putOff bool) {
	for tried := time.Now(); ctx.Err() == nil; {
		more, err := s.compactNext(ctx, f, s.resident)
		switch {
		case err == nil && more:
			tried = time.Now()
		case err == nil:
			return false
		case errors.Is(err, errOthers) && time.Since(tried) < compactPatience:
			pauseFor(ctx, compactPatience/20)
		case errors.Is(err, vault.ErrWanted):
			s.log.Debug("a merge was put off: somebody wants the volume", "volume", f.ID)
			return true
		default:
			if sdk.KindOf(err) != sdk.NotFound && sdk.KindOf(err) != sdk.Busy && ctx.Err() == nil {
				s.log.Warn("layers were not merged", "volume", f.ID, "error", err)
			}
			return sdk.KindOf(err) == sdk.Busy
		}
	}
	return false
}

// errOthers is that somebody works on a volume whose layers were to be merged.
var errOthers = sdk.Errorf(sdk.Busy, "somebody else has the volume")

// compactNext makes the next merge of a volume, if there is one and it may be; large
// is whether it may copy much.
func (s *store) compactNext(ctx context.Context, f found, large bool) (more bool, err error) {
	if !s.resident {
		// It ends with its command, which waits for what was begun.
		ctx = context.WithoutCancel(ctx)
	}
	held := false
	err = f.at.vault.Yielding(ctx, f.Ref(), func(ctx context.Context, h *vault.Held) (err error) {
		held = true
		more, err = s.compactOnce(ctx, f, h, large)
		return err
	})
	if !held && sdk.KindOf(err) == sdk.Busy {
		err = errors.Join(errOthers, err)
	}
	return more, err
}

// compactOnce is compactNext with the volume's lock.
func (s *store) compactOnce(ctx context.Context, f found, h *vault.Held, large bool) (more bool, err error) {
	v := h.Volume()
	if v.State.Pending != nil || v.Directory || v.State.Format == "" || len(v.Faults) > 0 {
		return false, nil
	}
	// While it is read, its space is not free, and QEMU's locks keep some of it as it is.
	if reading, err := h.Readers(); err != nil || len(reading) > 0 {
		return false, err
	}
	work, err := s.served(ctx, v)
	if err != nil {
		return false, err
	}
	c, ok, err := s.images.Plan(work)
	if err != nil || !ok {
		return false, err
	}
	cost, err := s.images.Cost(work, c)
	if err != nil {
		return false, err
	}
	if !large && cost > compactBytes {
		s.log.Info("what would be merged is left to a resident part", "volume", v.ID)
		return false, nil
	}
	if err := s.roomToPull(ctx, f, c, cost); err != nil {
		return false, err
	}
	return true, s.do(ctx, h, change{Change: c})
}

// served is the volume for the engine's plans, which has a daemon if one serves it.
func (s *store) served(ctx context.Context, v *vault.Volume) (image.Volume, error) {
	work := files(v)
	for _, dir := range []string{s.nbdDir(v), s.fuseDir(v)} {
		d, err := s.running(ctx, dir)
		if err != nil {
			return work, err
		}
		if d != nil {
			work.Daemon = d
		}
	}
	return work, nil
}
