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
// volume meanwhile notices a pause at most.
func (s *store) do(ctx context.Context, h *vault.Held, c change) error {
	if err := s.finish(ctx, h); err != nil {
		return err
	}
	if err := ready(h.Volume(), c.Op); err != nil {
		return err
	}
	c.ID = uuid.NewString()
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode change: %w", err)
	}
	err = h.Save(ctx, func(_ *vault.Meta, st *vault.State) error {
		st.Pending = &vault.Pending{Op: string(c.Op), ID: c.ID, Since: time.Now().UTC(), Change: text}
		return nil
	})
	if err != nil {
		return err
	}
	s.step("change.noted")
	return s.finish(ctx, h)
}

// ready refuses a change of a volume that a machine of this host has open itself:
// its files cannot be exchanged under it from here.
func ready(v *vault.Volume, op image.Op) error {
	for _, u := range standing(v, "file") {
		if u.Writable {
			return &sdk.Error{
				Kind: sdk.Busy, Op: string(op) + " volume", Subject: "volume " + v.ID, Source: sdk.SourceProvider,
				Text: fmt.Sprintf("the machine of allocation %s (attachment %s) has its file open itself", u.Allocation, u.ID),
				Hint: "detach it, or stop the machine and detach it; with host_uuid=none the vault gives machines of its own host iSCSI, and snapshots are taken while they write",
			}
		}
	}
	return nil
}

// finish goes on with a change that was begun and is not known to have ended.
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
	next, err := s.exchange(ctx, h.Volume(), c)
	switch sdk.KindOf(err) {
	case "":
	case sdk.Invalid, sdk.NotFound, sdk.Busy, sdk.Conflict:
		// The engine says that nothing was changed.
		if serr := h.Save(ctx, func(_ *vault.Meta, st *vault.State) error { st.Pending = nil; return nil }); serr != nil {
			return serr
		}
		if serr := s.serve(ctx, h); serr != nil {
			s.log.Warn("the volume is not served", "volume", h.Volume().ID, "error", serr)
		}
		return err
	default:
		return err
	}
	s.step("change.made")
	made := vault.Snapshot{ID: c.Layer, CreatedAt: pending.Since}
	if c.Snapshot != nil {
		made = *c.Snapshot
	}
	err = h.Save(ctx, func(_ *vault.Meta, st *vault.State) error {
		st.Pending, st.Format, st.Parent = nil, vault.Format(next.Format), next.Parent
		st.Snapshots = snapshotsOf(next, st.Snapshots, made)
		return nil
	})
	if err != nil {
		return err
	}
	s.step("change.recorded")
	if err := s.images.Tidy(h.Volume().Folder); err != nil {
		s.log.Warn("leftovers of a change stay", "volume", h.Volume().ID, "error", err)
	}
	return s.serve(ctx, h)
}

// exchange has the engine work on a volume: on its storage daemon where one serves
// it; where tgtd has a raw image open itself, it is ended for the while, and its
// initiators wait.
func (s *store) exchange(ctx context.Context, v *vault.Volume, c change) (image.Layout, error) {
	work := files(v)
	for _, dir := range []string{s.nbdDir(v), s.fuseDir(v)} {
		d, err := s.running(ctx, dir)
		if err != nil {
			return image.Layout{}, err
		}
		if d == nil {
			continue
		}
		if work.Daemon != nil { // two that read: they open it again
			if err := d.Kill(ctx); err != nil {
				return image.Layout{}, err
			}
			continue
		}
		work.Daemon = d
	}
	if work.Daemon == nil && s.targets != nil {
		if err := s.targets.Stop(ctx, key(v)); err != nil {
			return image.Layout{}, err
		}
	}
	return s.images.Do(ctx, work, c.Change)
}

// resume finishes what somebody has begun with a volume and not ended: changes of
// its files and ends of uses.
func (s *store) resume(ctx context.Context, f found) error {
	if len(f.State.Uses) == 0 && f.State.Pending == nil && len(f.Faults) == 0 {
		// Nobody uses it: what may still serve it is ended.
		if err := s.settle(ctx, f); err != nil {
			return err
		}
	}
	if f.State.Pending != nil {
		if err := f.at.vault.Hold(ctx, f.Ref(), s.finish); err != nil {
			return err
		}
	}
	for _, u := range f.State.Uses {
		if u.Ending.IsZero() {
			continue
		}
		if err := s.end(ctx, f, u.ID, false); err != nil {
			s.log.Warn("an attachment is still being ended", "volume", f.ID, "attachment", u.ID, "error", err)
		}
	}
	if f.State.ResizeBytes > 0 {
		if _, err := s.grow(ctx, f, f.State.ResizeBytes, true); err != nil {
			s.log.Warn("a volume is still growing", "volume", f.ID, "size_bytes", f.State.ResizeBytes, "error", err)
		}
	}
	return nil
}
