package vault

import (
	"context"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// lets reports whether who holds the lock is who wants to write: the same broker,
// no other name where both give one, and no other allocation than the lock's.
func (l Lock) lets(holder, allocation string) bool {
	lockBroker, lockName, _ := strings.Cut(l.Holder, " ")
	broker, name, _ := strings.Cut(holder, " ")
	return lockBroker == broker && (lockName == name || lockName == "" || name == "") &&
		(l.Allocation == "" || l.Allocation == allocation)
}

// TakeLock gives a holder the right to the volume: nobody else begins to write it.
// The same holder and allocation again is no change; another's lock, or a writer of
// another holder, is Busy. See Lock for who is the same.
func (v *Vault) TakeLock(ctx context.Context, ref Ref, l Lock) (*Volume, error) {
	const op = "lock volume"
	return v.changed(ctx, ref, func(_ context.Context, h *Held) error {
		if l.Holder == "" || !plain(l.Holder, l.Allocation) {
			return sdk.InvalidFaults(op, []sdk.Fault{{Path: "lock.holder", Have: short(l.Holder), Want: "printable text"}})
		}
		if has := h.vol.State.Lock; has != nil {
			if has.Holder == l.Holder && has.Allocation == l.Allocation {
				return nil
			}
			return busyLock(op, h.vol, *has)
		}
		if len(h.vol.Faults) > 0 {
			return faulty(op, h.vol)
		}
		for _, u := range h.vol.State.Uses {
			if u.Writable && !l.lets(u.Holder, u.Allocation) {
				return busyUse(op, h.vol, u)
			}
		}
		l.Since = h.vault.now()
		h.vault.step("take lock")
		return h.save(func(_ *Meta, s *State) error {
			s.Lock = &l
			return nil
		})
	})
}

// Unlock is how a lock is given back.
type Unlock struct {
	Holder string
	// Force first ends every writer as EndUse does, by Fence, whoever has the lock or
	// none; the lock goes only when all of them are known to be cut off.
	Force bool
	Fence func(ctx context.Context, u Use) error
}

// ReleaseLock gives a lock back. Another holder's is Denied without Force. No lock and
// no Force: done.
func (v *Vault) ReleaseLock(ctx context.Context, ref Ref, u Unlock) (*Volume, error) {
	const op = "unlock volume"
	return v.changed(ctx, ref, func(ctx context.Context, h *Held) error {
		has := h.vol.State.Lock
		switch {
		case has == nil && h.vol.broken:
			return faulty(op, h.vol)
		case u.Force:
			// Whoever holds the lock, or nobody: force is for a writer who does not let go.
			for _, use := range slices.Clone(h.vol.State.Uses) {
				if !use.Writable {
					continue
				}
				if err := h.end(ctx, use.ID, u.Fence); err != nil {
					return err
				}
			}
		case has != nil && has.Holder != u.Holder:
			return refusal(sdk.Denied, op, h.vol.String(), has.Holder+" has had it locked since "+when(has.Since), "only with force")
		}
		if has == nil {
			return nil
		}
		h.vault.step("release lock")
		return h.save(func(_ *Meta, s *State) error {
			s.Lock = nil
			return nil
		})
	})
}
