package iscsi

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// A storage daemon of a qcow2 volume keeps the tables of what it has written in memory
// until a flush. Killed, it takes with it writes that were answered; served by another
// one, a writer's next flush would succeed, and say that they are safe. So the epoch of
// that writer is over then: it is served to nobody again, and whoever still has it gets
// nothing but errors. Which daemon a writer has is in the record of its use before it is
// reached by it, so that whoever looks next, after a kill of anything, finds that out.

// epochOver is the Code of an Export of an attachment whose epoch is over.
const epochOver = "epoch_over"

// lost is the use of a volume whose epoch is over, nil without one. A writer is alone:
// there is no other use then.
func lost(v *vault.Volume) *vault.Use {
	for i := range v.State.Uses {
		if u := &v.State.Uses[i]; !u.Lost.IsZero() && u.Ending.IsZero() && copied(v, *u) == nil {
			return u
		}
	}
	return nil
}

// lostText says what has become of a use, and what to do: in one, as it is passed on by
// those that have hints of their own.
func lostText(u *vault.Use) string {
	return fmt.Sprintf("the storage daemon by which attachment %s wrote (epoch %d) died: what was not flushed by %s may be gone, and nothing more is served under that epoch; %s",
		u.ID, u.Epoch, u.Lost.UTC().Format("2006-01-02 15:04:05"), lostHint)
}

const lostHint = "stop the machine and start it again, or detach the volume and attach it"

func lostError(v *vault.Volume, u *vault.Use, kind sdk.Kind) error {
	return &sdk.Error{Kind: kind, Code: epochOver, Op: opExport, Subject: "volume " + v.ID, Source: sdk.SourceProvider, Text: lostText(u)}
}

// atStake is the writer of a way that a storage daemon may have something of which is
// not in the image yet, nil without one.
func atStake(v *vault.Volume, kind string) *vault.Use {
	if exposedFormat(v) != vault.QCOW2 {
		return nil
	}
	for _, u := range standing(v, kind) {
		if u.Writable && u.Served != nil {
			return &u
		}
	}
	return nil
}

// judge finds out, before anything is served by it, whether the daemon that a writer
// has by the record is still the one, and ends the writer's epoch, in the record, if it
// died otherwise than in order or with the machine.
func (s *store) judge(h *vault.Held, kind, dir string) error {
	boot, err := image.Boot()
	if err != nil {
		return err
	}
	for _, u := range standing(h.Volume(), kind) {
		if !u.Writable || u.Served == nil || u.Served.Boot != boot {
			continue
		}
		at := image.Identity(*u.Served)
		switch {
		case at.Runs():
			continue
		case atStake(h.Volume(), kind) == nil || image.EndedWell(dir, at):
			// What shows it is about to be cleaned away.
			err = h.Serve(u.ID, nil)
		default:
			if err = h.Lose(u.ID); err == nil {
				s.log.Error("a storage daemon died under a writer, whose epoch is over", "volume", h.Volume().ID, "attachment", u.ID, "epoch", u.Epoch, "pid", at.PID)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// serving records by which daemon a volume's writer is about to be served. Where the
// one before has died only after judge had looked, or is not quite dead, it is an error,
// and nothing of it is forgotten.
func (s *store) serving(ctx context.Context, h *vault.Held, kind, dir string, d *image.Daemon) error {
	now, err := d.Identity()
	if err != nil {
		return err
	}
	for _, u := range standing(h.Volume(), kind) {
		if !u.Writable {
			continue
		}
		if u.Served != nil && u.Served.Boot == now.Boot && image.Identity(*u.Served) != now {
			if err := s.judge(h, kind, dir); err != nil {
				return err
			}
			switch have := h.Volume().Use(u.ID); {
			case !have.Lost.IsZero():
				return cmp.Or(d.Stop(ctx), lostError(h.Volume(), have, sdk.Unavailable))
			case have.Served != nil:
				return cmp.Or(d.Stop(ctx), error(&sdk.Error{
					Kind: sdk.Unavailable, Op: "serve volume", Subject: "volume " + h.Volume().ID, Source: sdk.SourceProvider,
					Text: fmt.Sprintf("its storage daemon, process %d, is dying, and not dead", have.Served.PID),
				}))
			}
		}
		at := vault.Server(now)
		if err := h.Serve(u.ID, &at); err != nil {
			return err
		}
		s.step("serve.noted")
	}
	return nil
}

// renewed is a use that was just to be served, under a new epoch and served where its
// own turned out to be over.
func (s *store) renewed(ctx context.Context, f found, u vault.Use) (found, vault.Use, error) {
	v, err := f.at.vault.Get(ctx, f.Ref())
	if err != nil {
		return f, u, err
	}
	over := lost(v)
	if over == nil || over.ID != u.ID {
		return f, u, nil
	}
	if f, u, err = s.renew(ctx, f, *over); err != nil {
		return f, u, err
	}
	return f, u, s.serveUse(ctx, f, u)
}

// renew gives an attachment whose epoch is over a new one, by which the volume is
// served again under another name: its machine was stopped, and is to be started. While
// the machine is still connected, that is refused: it would have nothing of it.
func (s *store) renew(ctx context.Context, f found, u vault.Use) (found, vault.Use, error) {
	if u.Kind == "iscsi" && s.targets != nil {
		// One that does not answer is fenced.
		if status, err := s.targets.Status(ctx, key(f.Volume)); err == nil && connected(status, u.IQN) {
			return f, u, lostError(f.Volume, &u, sdk.Conflict)
		}
	}
	v, use, err := f.at.vault.RenewUse(ctx, f.Ref(), u.ID, vault.Renewal{
		After: f.whole.Epoch,
		Fence: func(ctx context.Context, u vault.Use) error { return s.fence(ctx, f.Volume, u, true) },
		Prepare: func(u *vault.Use) error {
			switch u.Kind {
			case "iscsi":
				u.IQN = target.Name(s.config.Authority, f.ID, u.Epoch, u.ID)
			case "nbd":
				// No attachment has a capital letter in its id.
				u.Export = fmt.Sprintf("%sE%d", u.ID, u.Epoch)
			}
			return nil
		},
	})
	if err != nil {
		return f, u, err
	}
	f.Volume = v
	s.log.Warn("an attachment goes on under a new epoch", "volume", f.ID, "attachment", use.ID, "epoch", use.Epoch)
	s.step("export.renewed")
	return f, use, nil
}

// nbdName is by what a client asks for a use over NBD.
func nbdName(u vault.Use) string { return cmp.Or(u.Export, u.ID) }

// connected reports whether somebody is logged in at a target.
func connected(status *target.Status, iqn string) bool {
	return status != nil && slices.ContainsFunc(status.Targets, func(t target.TargetStatus) bool { return t.IQN == iqn && len(t.Peers) > 0 })
}
