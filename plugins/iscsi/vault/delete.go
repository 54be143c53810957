package vault

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// Delete removes a volume and its snapshots and gives their space back to the
// filesystem before it returns; the number is how many bytes that was. It is Busy,
// and says by whom, while a use, another holder's lock (holder is the caller's), a
// Reading or pending work stands. What is not there is done. Volumes with faults are never
// touched, except what Meson made itself, is alone with its id and whose metadata
// can be read.
func (v *Vault) Delete(ctx context.Context, ref Ref, holder string) (freedBytes uint64, err error) {
	const op = "delete volume"
	there := false
	err = v.Hold(ctx, ref, func(_ context.Context, h *Held) (err error) {
		there = true
		if err := h.deletable(op, holder); err != nil {
			return err
		}
		freedBytes, err = h.delete()
		return err
	})
	if !there && sdk.KindOf(err) == sdk.NotFound {
		err = nil
	}
	if berr := v.bury(ctx); berr != nil {
		v.o.Log.Warn("leftovers stay in the vault", "vault", v.root.path, "error", berr)
	}
	return freedBytes, err
}

func (h *Held) deletable(op, holder string) error {
	if len(h.vol.Faults) > 0 && (h.vol.broken || h.vol.State.Owner == nil || h.twice()) {
		return faulty(op, h.vol)
	}
	if err := h.Idle(op); err != nil {
		return err
	}
	if l := h.vol.State.Lock; l != nil && !l.lets(holder, l.Allocation) {
		return busyLock(op, h.vol, *l)
	}
	all, err := h.Readers()
	if err == nil && len(all) > 0 {
		err = h.busyReader(op, all[0])
	}
	return err
}

// twice reports whether the volume's id is that of another folder too.
func (h *Held) twice() bool {
	return slices.ContainsFunc(h.vault.index.folders(h.vol.ID), func(f string) bool { return f != h.vol.Folder })
}

// delete renames the folder, from when on there is no volume, and removes it.
func (h *Held) delete() (freed uint64, err error) {
	v := h.vault
	parent, err := v.root.walk(filepath.Dir(h.rel))
	if err != nil {
		return 0, err
	}
	defer parent.close()
	name := gonePrefix + strings.TrimSuffix(filepath.Base(h.rel), suffix) + "." + unique()
	v.step("rename away")
	if err := parent.moveNew(filepath.Base(h.rel), name); err != nil {
		return 0, err
	}
	v.index.put(h.vol.Folder, nil)
	v.step("sync parent")
	if err := parent.sync(); err != nil {
		return 0, err
	}
	return v.remove(parent, h.d, name)
}
