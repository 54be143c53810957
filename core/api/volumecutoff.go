package api

import (
	"context"
	"slices"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// endCutOff ends in the ledger what its storage provider has ended by force: the
// attachments that could write to a volume and that are no longer among its uses.
// Each is recorded as ending before its machine is asked to let go, which may be
// what does not answer; what then remains is for `meson resume`, and no error.
func (m *Meson) endCutOff(ctx context.Context, v VolumeInfo, progress func(Progress)) error {
	held, err := m.Ledger.Attachments(ctx, ledger.AttachmentFilter{Provider: v.Provider, VolumeID: v.ID})
	if err != nil {
		return err
	}
	gone := filter(held, func(x core.AttachmentRecord) bool {
		return !x.ReadOnly && (x.State == core.AttachmentAttached || x.State == core.AttachmentExported || x.State == core.AttachmentEnding) &&
			!slices.ContainsFunc(v.Uses, func(u core.VolumeUse) bool { return u.Attachment == x.ID })
	})
	for _, x := range gone {
		ev := core.Event{Time: m.Now().UTC(), Step: "attachment.cut-off", Text: "cut off from volume " + x.Name + " at " + x.Provider, Attempt: x.Attempt}
		if _, err := m.Ledger.ChangeAttachment(ctx, x.ID, ev, func(x *core.AttachmentRecord, _ *core.Allocation) error {
			if x.State != core.AttachmentEnded {
				x.State, x.Force = core.AttachmentEnding, true
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, x := range gone {
		report := m.volumeReporter(m.Now(), v.Name, progress)
		if x.Allocation != "" {
			a, err := m.Ledger.Allocation(ctx, x.Allocation)
			if err != nil {
				return err
			}
			report = m.reporter(m.Now(), a, progress)
		}
		if err := m.engine.Detach(ctx, x.ID, true, report); err != nil {
			m.Log.Warn("cut off from a volume, and not told so: meson resume goes on", "provider", x.Provider, "volume", x.VolumeID, "allocation", x.Allocation, "error", err)
		}
	}
	return nil
}
