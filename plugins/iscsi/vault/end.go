package vault

import (
	"context"
	"slices"

	"github.com/mesoncloud/meson/sdk"
)

// EndUse ends a use: it is marked as ending, on disk, then fence is called, with the
// volume's lock, which must return nil only when the other side can neither read nor
// write any more; then the use and its CHAP password are removed and its id is never
// taken again. If fence fails the mark stays. What is not there is done, without
// fence: no use, or no volume, which is nil then. The end of a writer whose record came
// with a copied folder (see Volume.Copied) is remembered as State.Partial. A volume whose data have faults lets its uses end.
func (v *Vault) EndUse(ctx context.Context, ref Ref, id string, fence func(ctx context.Context, u Use) error) (*Volume, error) {
	there := false
	vol, err := v.changed(ctx, ref, func(ctx context.Context, h *Held) error {
		there = true
		return h.end(ctx, id, fence)
	})
	if !there && sdk.KindOf(err) == sdk.NotFound {
		return nil, nil
	}
	return vol, err
}

func (h *Held) end(ctx context.Context, id string, fence func(ctx context.Context, u Use) error) error {
	u := h.vol.Use(id)
	if u == nil && h.vol.broken {
		// What uses there are is not known.
		return faulty("end use", h.vol)
	}
	if u == nil {
		return nil
	}
	if u.Ending.IsZero() {
		h.vault.step("mark ending")
		if err := h.changeUse(id, func(u *Use) error {
			u.Ending = h.vault.now()
			return nil
		}); err != nil {
			return err
		}
	}
	h.vault.step("fence")
	if err := fence(ctx, *h.vol.Use(id)); err != nil {
		return err
	}
	h.vault.step("note id")
	if err := h.noteEnded(id); err != nil {
		return err
	}
	h.vault.step("remove password")
	if err := h.dropSecret(id); err != nil {
		return err
	}
	h.vault.step("end use")
	half := u.Writable && h.vol.Copied(*u)
	return h.save(func(_ *Meta, s *State) error {
		s.Uses = slices.DeleteFunc(s.Uses, func(other Use) bool { return other.ID == id })
		if half {
			s.Partial = max(s.Partial, u.Epoch)
		}
		return nil
	})
}

// ChangeUse changes what a standing use records, such as its portals; id, kind,
// mode, epoch, holder, host, initiator and times stay. NotFound for a use that does
// not stand.
func (v *Vault) ChangeUse(ctx context.Context, ref Ref, id string, change func(u *Use) error) (*Volume, error) {
	return v.changed(ctx, ref, func(_ context.Context, h *Held) error {
		u := h.vol.Use(id)
		if u == nil {
			return notFound("change use", "attachment "+id)
		}
		was := *u
		return h.changeUse(id, func(u *Use) error {
			if err := change(u); err != nil {
				return err
			}
			return u.alters(was)
		})
	})
}

func (h *Held) changeUse(id string, change func(u *Use) error) error {
	return h.save(func(_ *Meta, s *State) error {
		i := slices.IndexFunc(s.Uses, func(u Use) bool { return u.ID == id })
		return change(&s.Uses[i])
	})
}
