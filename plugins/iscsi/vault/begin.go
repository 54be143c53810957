package vault

import (
	"context"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/sdk"
)

// Begin is how a use begins.
type Begin struct {
	Use Use
	// After is the highest epoch that other places of the same volume have; the new
	// one is higher. See Places, which says whether this place may be written at all.
	After uint64
	// Prepare, if set, completes the use (IQN, Socket, Portals …) once its epoch is
	// known and before it is on disk; it must not serve anything yet.
	Prepare func(u *Use) error
}

// BeginUse records a use, on disk, and returns it; only then may it be served. The
// rules of one writer are decided here, under the volume's lock:
//
//   - The same id again with the same kind, mode, holder, allocation, host and
//     initiator is the use that stands, unchanged; with others a Conflict. An id
//     that was ended is a Conflict for ever, one that is ending is Busy.
//   - A writer of a volume that is not shareable excludes every other use, readers
//     too; readers exclude a writer and nobody else. Busy says which attachment,
//     allocation and since when.
//   - Another holder's lock excludes writers: Busy. See Lock.
//   - A Reading of the image excludes writers: Busy, with the Code BeingRead, if
//     nothing else does.
//   - ReadOnly volumes have no writers: Denied. Volumes with faults neither, and
//     with unreadable ones no readers: Conflict with the faults. Pending work: Busy.
//   - A writer gets an epoch that nobody had before, and that is on disk.
//
// A volume that was found gets its part of Meson's metadata now, and the format of
// its image, by the rule of Format. Kind, holder, host and initiator of Begin.Use
// are what Prepare does not change; Epoch, Since, Vault and Ending are set here.
func (v *Vault) BeginUse(ctx context.Context, ref Ref, b Begin) (*Volume, Use, error) {
	var use Use
	vol, err := v.changed(ctx, ref, func(_ context.Context, h *Held) (err error) {
		use, err = h.begin(b)
		return err
	})
	return vol, use, err
}

func (h *Held) begin(b Begin) (Use, error) {
	const op = "begin use"
	u := b.Use
	u.Epoch, u.Since, u.Vault = h.vol.State.Epoch, h.vault.now(), h.vault.id
	if err := u.check(); err != nil {
		return u, sdk.Errorf(sdk.Invalid, "%w", err)
	}
	if u.Holder == "" {
		return u, sdk.Errorf(sdk.Invalid, "attachment %s has no holder", u.ID)
	}
	if stands, err := h.again(op, u); stands != nil || err != nil {
		return u.or(stands), err
	}
	if err := h.allowed(op, u); err != nil {
		return u, err
	}
	format, err := h.format(op)
	if err != nil {
		return u, err
	}
	if u.Writable {
		last := max(h.vol.State.Epoch, b.After)
		if last >= maxEpoch {
			return u, refusal(sdk.Conflict, op, h.vol.String(), fmt.Sprintf("its epoch is %d: no number is left", last), "")
		}
		u.Epoch = last + 1
	}
	if b.Prepare != nil {
		whole := u
		if err := b.Prepare(&whole); err != nil {
			return u, err
		}
		if err := whole.alters(u); err != nil {
			return u, err
		}
		u = whole
	}
	h.vault.step("begin use")
	return u, h.save(func(_ *Meta, s *State) error {
		s.Format = format
		if s.Uses = append(s.Uses, u); u.Writable {
			s.Epoch, s.EpochAt = u.Epoch, h.vault.id
		}
		return nil
	})
}

// Raise gives the volume an epoch that nobody had before, on disk, higher than after
// too: what it holds is about to become something else without a writer, and its other
// places do not become that.
func (h *Held) Raise(after uint64) error {
	last := max(h.vol.State.Epoch, after)
	if last >= maxEpoch {
		return refusal(sdk.Conflict, "raise epoch", h.vol.String(), fmt.Sprintf("its epoch is %d: no number is left", last), "")
	}
	h.vault.step("raise epoch")
	return h.save(func(_ *Meta, s *State) error {
		s.Epoch, s.EpochAt = last+1, h.vault.id
		return nil
	})
}

func (u Use) or(other *Use) Use {
	if other != nil {
		return *other
	}
	return u
}

// again is the use that stands with an id, if it is the same.
func (h *Held) again(op string, u Use) (*Use, error) {
	stands := h.vol.Use(u.ID)
	switch {
	case stands == nil:
		ended, err := h.ended(u.ID)
		if err == nil && ended {
			err = refusal(sdk.Conflict, op, h.vol.String(), "attachment "+u.ID+" was ended, and an id is never used twice", "attach with a new one")
		}
		return nil, err
	case !stands.Ending.IsZero():
		return nil, refusal(sdk.Busy, op, h.vol.String(), "attachment "+u.ID+" has been ending since "+when(stands.Ending), "attach with a new one")
	case stands.Kind != u.Kind || stands.Writable != u.Writable || stands.Holder != u.Holder || stands.Allocation != u.Allocation ||
		stands.Host != u.Host || stands.Initiator != u.Initiator:
		return nil, refusal(sdk.Conflict, op, h.vol.String(), "attachment "+u.ID+" stands in another way: "+stands.describe(), "detach it, and attach with a new id")
	}
	return stands, nil
}

func (u *Use) describe() string {
	return fmt.Sprintf("%s, %s, for %s", u.Kind, mode(u.Writable), u.Holder)
}

// allowed decides whether a new use may begin.
func (h *Held) allowed(op string, u Use) error {
	if len(h.vol.Faults) > 0 && (u.Writable || h.vol.broken || !h.vol.Readable()) {
		return faulty(op, h.vol)
	}
	if err := h.settled(op); err != nil {
		return err
	}
	if u.Writable && h.vol.Meta.ReadOnly {
		return refusal(sdk.Denied, op, h.vol.String(), "it is read-only", "attach it for reading")
	}
	if l := h.vol.State.Lock; u.Writable && l != nil && !l.lets(u.Holder, u.Allocation) {
		return busyLock(op, h.vol, *l)
	}
	if h.vol.Meta.Shareable {
		return nil
	}
	i := slices.IndexFunc(h.vol.State.Uses, func(other Use) bool { return other.Writable || u.Writable })
	if i >= 0 {
		return busyUse(op, h.vol, h.vol.State.Uses[i])
	}
	if u.Writable {
		return h.Unread(op)
	}
	return nil
}

// alters says what in a use was changed that must not be.
func (u Use) alters(was Use) error {
	if u.ID != was.ID || u.Kind != was.Kind || u.Writable != was.Writable || u.Epoch != was.Epoch || u.Holder != was.Holder ||
		u.Allocation != was.Allocation || u.Vault != was.Vault || !u.Since.Equal(was.Since) || !u.Ending.Equal(was.Ending) || u.Host != was.Host || u.Initiator != was.Initiator {
		return sdk.Errorf(sdk.Internal, "attachment %s: id, kind, mode, epoch, holder, vault, host, initiator and times stay", was.ID)
	}
	return nil
}
