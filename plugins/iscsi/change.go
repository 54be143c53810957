package iscsi

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// change is work on a volume's files as it is recorded before it begins, so that
// whoever finds it goes on with it: what the engine does, and what is known of the
// snapshot that it makes.
type change struct {
	image.Change
	Snapshot *vault.Snapshot `json:"snapshot,omitempty"`
}

// do records a change and makes it, with the volume's lock. What makes use of the
// volume meanwhile notices a pause at most. A merge ends with ctx, and is undone then
// unless it was as good as made.
func (s *store) do(ctx context.Context, h *vault.Held, c change) error {
	if err := s.finish(ctx, h); err != nil {
		return err
	}
	if err := ready(h.Volume(), c.Change); err != nil {
		return err
	}
	c.ID = uuid.NewString()
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode change: %w", err)
	}
	err = h.Save(ctx, func(_ *vault.Meta, st *vault.State) error {
		st.Pending = &vault.Pending{Op: string(c.Op), ID: c.ID, Since: time.Now().UTC(), Change: text}
		for i := range st.Snapshots {
			if c.Op == image.OpPush && st.Snapshots[i].ID == c.Layer {
				st.Snapshots[i].Merging = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.step("change.noted")
	if !c.Op.Concludes() {
		return s.finish(ctx, h)
	}
	err = s.carryOut(ctx, h, c)
	if err == nil {
		return nil
	}
	// Its record stands until somebody has concluded it.
	if ferr := s.finish(ctx, h); ferr != nil {
		s.log.Warn("a merge that was put off is not concluded yet", "volume", h.Volume().ID, "error", ferr)
	}
	return err
}

// ready refuses a change of a volume that a machine of this host has open itself:
// the files of one that writes cannot be exchanged under it from here, and one that
// reads was told the format of the image, which it may open at any time.
func ready(v *vault.Volume, c image.Change) error {
	to := layoutOf(v).FormatAfter(c)
	for _, u := range standing(v, "file") {
		e := &sdk.Error{
			Kind: sdk.Busy, Op: string(c.Op) + " volume", Subject: "volume " + v.ID, Source: sdk.SourceProvider,
			Text: fmt.Sprintf("the machine of allocation %s (attachment %s) has its file open itself", u.Allocation, u.ID),
			Hint: "detach it, or stop the machine and detach it; with host_uuid=none the vault gives machines of its own host iSCSI, and snapshots are taken while they write",
		}
		switch {
		case u.Writable:
			return e
		case vault.Format(to) != v.State.Format:
			e.Text += fmt.Sprintf(" as %s, and it would be %s", v.State.Format, to)
			e.Hint = "detach it; volumes of format qcow2 have snapshots while machines read them"
			return e
		}
	}
	return nil
}

// finish goes on with a change that was begun and is not known to have ended. A merge
// is not seen through, as somebody waits for it: it is finished where little is left
// of it, and undone otherwise.
func (s *store) finish(ctx context.Context, h *vault.Held) error {
	pending := h.Volume().State.Pending
	if pending == nil {
		return nil
	}
	var c change
	if err := json.Unmarshal(pending.Change, &c); err != nil || c.ID != pending.ID {
		return &sdk.Error{
			Kind: sdk.Conflict, Op: pending.Op + " volume", Subject: "volume " + h.Volume().ID, Source: sdk.SourceProvider,
			Text: "the record of what was begun makes no sense", Err: err,
		}
	}
	// What was begun is seen through.
	ctx = context.WithoutCancel(ctx)
	if c.Op.Concludes() {
		return s.conclude(ctx, h, c)
	}
	return s.carryOut(ctx, h, c)
}

// concludePatience is how long a storage daemon may take to end a merge: who wants
// the volume waits for it.
const concludePatience = 3 * time.Second

// conclude ends a merge soon.
func (s *store) conclude(ctx context.Context, h *vault.Held, c change) error {
	soon, cancel := context.WithTimeout(ctx, concludePatience)
	defer cancel()
	work, err := s.working(soon, h.Volume())
	if err != nil {
		return err
	}
	next, made, err := s.images.Conclude(soon, work, c.Change)
	if err != nil {
		return err
	}
	if made {
		return s.made(ctx, h, c, next)
	}
	return s.unmade(ctx, h)
}

// unmade records that of a change nothing was made.
func (s *store) unmade(ctx context.Context, h *vault.Held) error {
	if err := h.Save(ctx, func(_ *vault.Meta, st *vault.State) error { st.Pending = nil; return nil }); err != nil {
		return err
	}
	s.step("change.unmade")
	s.tidy(h.Volume())
	if err := s.serve(ctx, h); err != nil {
		s.log.Warn("the volume is not served", "volume", h.Volume().ID, "error", err)
	}
	return nil
}

// carryOut makes a change that is recorded.
func (s *store) carryOut(ctx context.Context, h *vault.Held, c change) error {
	next, err := s.exchange(ctx, h.Volume(), c)
	switch sdk.KindOf(err) {
	case "":
		return s.made(ctx, h, c, next)
	case sdk.Invalid, sdk.NotFound, sdk.Busy, sdk.Conflict:
		// The engine says that nothing was changed.
		if uerr := s.unmade(context.WithoutCancel(ctx), h); uerr != nil {
			return uerr
		}
	}
	return err
}

// made records what a change has made.
func (s *store) made(ctx context.Context, h *vault.Held, c change, next image.Layout) error {
	s.step("change.made")
	ctx = context.WithoutCancel(ctx)
	made := vault.Snapshot{ID: c.Layer, CreatedAt: h.Volume().State.Pending.Since}
	if c.Snapshot != nil {
		made = *c.Snapshot
	}
	err := h.Save(ctx, func(_ *vault.Meta, st *vault.State) error {
		st.Pending, st.Format, st.Parent = nil, vault.Format(next.Format), next.Parent
		st.Snapshots = snapshotsOf(next, st.Snapshots, made)
		return nil
	})
	if err != nil {
		return err
	}
	s.step("change.recorded")
	s.tidy(h.Volume())
	return s.serve(ctx, h)
}

func (s *store) tidy(v *vault.Volume) {
	if err := s.images.Tidy(v.Folder); err != nil {
		s.log.Warn("leftovers of a change stay", "volume", v.ID, "error", err)
	}
}

// exchange has the engine work on a volume: on its storage daemon where one serves
// it; where tgtd has a raw image open itself, it is ended for the while, and its
// initiators wait.
func (s *store) exchange(ctx context.Context, v *vault.Volume, c change) (image.Layout, error) {
	work, err := s.working(ctx, v)
	if err != nil {
		return image.Layout{}, err
	}
	// One whose epoch is over has no image open, and errors for who is connected.
	if work.Daemon == nil && s.targets != nil && lost(v) == nil {
		if err := s.targets.Stop(ctx, key(v)); err != nil {
			return image.Layout{}, err
		}
	}
	return s.images.Do(ctx, work, c.Change)
}

// working is the volume for the engine, with the storage daemon that serves it.
func (s *store) working(ctx context.Context, v *vault.Volume) (image.Volume, error) {
	work, err := s.grown(v)
	if err != nil {
		return work, err
	}
	for _, dir := range []string{s.nbdDir(v), s.fuseDir(v)} {
		d, err := s.running(ctx, dir)
		if err != nil {
			return work, err
		}
		if d == nil {
			continue
		}
		if work.Daemon != nil { // two that read: they open it again
			if err := d.Kill(ctx); err != nil {
				return work, err
			}
			continue
		}
		work.Daemon = d
	}
	return work, nil
}
