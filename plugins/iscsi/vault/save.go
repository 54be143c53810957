package vault

import (
	"context"
	"encoding/json"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// Save writes changed metadata: change gets copies, and what it leaves in them is on
// disk when Save returns, or nothing is changed. It is Invalid if the result breaks
// a rule of the format, and a Conflict if the volume has faults or somebody who does
// not keep to the lock has changed the file since it was read. Epochs, uses and
// locks are changed by the methods for them, and not here. An error that is
// Uncertain may have changed the file.
func (h *Held) Save(_ context.Context, change func(m *Meta, s *State) error) error {
	if len(h.vol.Faults) > 0 {
		return faulty("change volume", h.vol)
	}
	was := h.vol.State
	return h.save(func(m *Meta, s *State) error {
		if err := change(m, s); err != nil {
			return err
		}
		if s.Epoch != was.Epoch || s.EpochAt != was.EpochAt || s.Partial != was.Partial || !same(s.Uses, was.Uses) || !same(s.Lock, was.Lock) {
			return sdk.Errorf(sdk.Internal, "epochs, uses and locks are not changed by Save")
		}
		return nil
	})
}

func same(a, b any) bool {
	x, xerr := json.Marshal(a)
	y, yerr := json.Marshal(b)
	return xerr == nil && yerr == nil && string(x) == string(y)
}

// save is Save for volumes with faults in their data too.
func (h *Held) save(change func(m *Meta, s *State) error) error {
	const op = "write metadata"
	if h.vol.broken {
		return faulty(op, h.vol)
	}
	meta, state, err := h.vol.Meta, State{}, error(nil)
	if state, err = h.vol.State.clone(); err != nil {
		return err
	}
	if err := change(&meta, &state); err != nil {
		return err
	}
	err = h.replace(meta, state)
	h.load()
	return failed(op, h.vol.String(), err)
}

// clone is a copy that shares nothing. What was found gets the version it is
// written with.
func (s State) clone() (State, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	var c State
	if err := json.Unmarshal(data, &c); err != nil {
		return s, err
	}
	c.Version = stateVersion
	return c, nil
}

// replace puts a new file in the place of the metadata, if they are still those that
// were read. Mode and owner stay.
func (h *Held) replace(m Meta, s State) error {
	name := h.vol.metaFile
	old, st, err := h.d.read(name, maxMetaBytes)
	if err != nil {
		return err
	}
	if stampOf(st) != h.vol.stamp {
		return refusal(sdk.Conflict, "write metadata", h.vol.String(), "somebody has changed "+name+" meanwhile", "try again")
	}
	data, err := encodeMeta(old, m, s)
	if err != nil {
		return err
	}
	const fresh = "meta.new"
	h.vault.step("write metadata")
	if err := h.p.write(fresh, data, st.Mode&0o777); err != nil {
		return err
	}
	if int(st.Uid) != unix.Geteuid() || int(st.Gid) != unix.Getegid() {
		err := unix.Fchownat(h.p.fd(), fresh, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.EPERM) {
			return h.p.fail("chown", fresh, err)
		}
	}
	h.vault.step("rename metadata")
	if st, err := h.d.lstat(name); err != nil || stampOf(st) != h.vol.stamp {
		return refusal(sdk.Conflict, "write metadata", h.vol.String(), "somebody has changed "+name+" meanwhile", "try again")
	}
	if err := h.p.move(fresh, h.d, name); err != nil {
		return err
	}
	h.vault.step("sync metadata")
	if err := errors.Join(h.d.sync(), h.p.sync()); err != nil {
		return &sdk.Error{Kind: sdk.Uncertain, Op: "sync metadata", Subject: h.vol.String(), Source: sdk.SourceProvider, Err: err}
	}
	return nil
}
