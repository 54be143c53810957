package alloc

import (
	"context"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// Changing does what changes a volume, or who may write to it, without an attachment:
// it grows, goes back to a snapshot, is locked. While do runs the ledger has a record
// of it, as of somebody who writes, so that nobody of the ledger begins to write to the
// volume in another place, or changes it there; then other providers are asked as
// MayWrite says. Conflict, and do is not called, where somebody does already. Nothing
// of the volume is exported by that record, and it keeps nobody from the same place.
//
// Where the outcome of do is not known the record stays, and so does the one of who is
// killed: TakeOverVolumes ends it.
func (e *Engine) Changing(ctx context.Context, op string, target VolumeTarget, do func() error) error {
	id := ledger.NewID()
	unlock, err := e.Lock(ctx, id, nil)
	if err != nil {
		return err
	}
	defer unlock()
	x := core.AttachmentRecord{
		ID: id, Index: -1, Owner: e.attachmentOwner(id, id), Provider: target.Provider, VolumeID: target.VolumeID, Name: target.Name,
		Change: op, Holder: op, State: core.AttachmentIntended,
	}
	const step = "change.intended"
	if err := e.Ledger.AddAttachments(ctx, []core.AttachmentRecord{x}, core.Event{Time: e.Now().UTC(), Step: step, Text: op + " " + x.Name}); err != nil {
		return err
	}
	e.Step(step + ".committed")
	no := e.MayWrite(ctx, op, target)
	if no == nil {
		if no = do(); no != nil && !unchanged(no) {
			return no
		}
	}
	if _, err := (exporter{Engine: e, tell: e.teller(id, nil)}).note(ctx, x, "change.made", op+" "+x.Name, func(t *core.AttachmentRecord, _ *core.Allocation) {
		t.State = core.AttachmentEnded
	}); err != nil {
		e.Log.Warn("a volume counts as being changed until meson resume", "volume", target.VolumeID, "error", err)
	}
	return no
}

// unchanged reports whether an error says for certain that nothing goes on.
func unchanged(err error) bool {
	k := core.KindOf(err)
	return definite(k) || k == core.NotFound || k == core.Busy
}
