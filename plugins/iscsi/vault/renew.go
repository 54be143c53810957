package vault

import (
	"context"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Serve records, on disk, by which process a use writes from now on, nil: by none that
// keeps anything to itself. Only then may the use be served by it.
func (h *Held) Serve(id string, by *Server) error {
	u := h.vol.Use(id)
	if u == nil {
		return notFound("serve use", "attachment "+id)
	}
	if u.Served == by || u.Served != nil && by != nil && *u.Served == *by {
		return nil
	}
	h.vault.step("note server")
	return h.changeUse(id, func(u *Use) error {
		u.Served = by
		return nil
	})
}

// Lose records, on disk, that what a use wrote last may be gone: it is not served
// again before it is renewed.
func (h *Held) Lose(id string) error {
	u := h.vol.Use(id)
	if u == nil {
		return notFound("end epoch", "attachment "+id)
	}
	if !u.Lost.IsZero() {
		return nil
	}
	h.vault.step("note loss")
	return h.changeUse(id, func(u *Use) error {
		u.Lost = h.vault.now()
		return nil
	})
}

// Renewal is how a use whose epoch is over begins anew.
type Renewal struct {
	// After is as in Begin.
	After uint64
	// Fence returns nil only when nobody is served under the old epoch any more, nor
	// can be.
	Fence func(ctx context.Context, u Use) error
	// Prepare, if set, completes the use, as in Begin.
	Prepare func(u *Use) error
}

// RenewUse gives a use that was lost a new epoch, which is on disk before it may be
// served again, and its old one is fenced before that. It is the use as it stands
// where it was not lost, NotFound where it does not stand, and Busy or Conflict where
// a writer could not begin now: while it is ending or work is pending, for another
// holder's lock, for faults.
func (v *Vault) RenewUse(ctx context.Context, ref Ref, id string, r Renewal) (*Volume, Use, error) {
	var use Use
	vol, err := v.changed(ctx, ref, func(ctx context.Context, h *Held) (err error) {
		use, err = h.renew(ctx, id, r)
		return err
	})
	return vol, use, err
}

func (h *Held) renew(ctx context.Context, id string, r Renewal) (Use, error) {
	const op = "renew use"
	have := h.vol.Use(id)
	switch {
	case have == nil:
		return Use{}, notFound(op, "attachment "+id)
	case have.Lost.IsZero():
		return *have, nil
	case !have.Ending.IsZero():
		return *have, refusal(sdk.Busy, op, h.vol.String(), "attachment "+id+" has been ending since "+when(have.Ending), "attach with a new one")
	case len(h.vol.Faults) > 0:
		return *have, faulty(op, h.vol)
	}
	if err := h.settled(op); err != nil {
		return *have, err
	}
	if l := h.vol.State.Lock; l != nil && !l.lets(have.Holder, have.Allocation) {
		return *have, busyLock(op, h.vol, *l)
	}
	last := max(h.vol.State.Epoch, r.After)
	if last >= maxEpoch {
		return *have, refusal(sdk.Conflict, op, h.vol.String(), fmt.Sprintf("its epoch is %d: no number is left", last), "")
	}
	h.vault.step("fence lost")
	if err := r.Fence(ctx, *have); err != nil {
		return *have, err
	}
	u := *have
	u.Epoch, u.Served, u.Lost = last+1, nil, time.Time{}
	if r.Prepare != nil {
		was := u
		if err := r.Prepare(&u); err != nil {
			return *have, err
		}
		if err := u.alters(was); err != nil {
			return *have, err
		}
	}
	h.vault.step("renew use")
	return u, h.save(func(_ *Meta, s *State) error {
		for i := range s.Uses {
			if s.Uses[i].ID == id {
				s.Uses[i] = u
			}
		}
		s.Epoch, s.EpochAt = u.Epoch, h.vault.id
		return nil
	})
}
