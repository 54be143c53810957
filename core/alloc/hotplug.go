package alloc

import (
	"context"
	"slices"

	"github.com/mesoncloud/meson/core"
)

// attach puts a recorded volume on the machine that runs. With a refusal it does
// not have it, though its volume may be exported. err leaves it to a later drive.
func (d *drive) attach(ctx context.Context, a core.Allocation, attempts []core.Attempt, x core.AttachmentRecord) (refusal *core.Error, err error) {
	way, refusal, err := d.exports().export(ctx, x)
	if refusal != nil || err != nil {
		return refusal, err
	}
	p, err := d.Provider(ctx, a.Offer.Provider)
	if err != nil {
		return nil, core.AsError(err, "provider "+a.Offer.Provider)
	}
	trouble, held := newPatience(d.Patience, d.Now), newPatience(min(busyPatience, d.Patience), d.Now)
	for ctx.Err() == nil {
		d.Step("attach.send")
		d.tell("attach.sent", "asking "+p.Name()+" to take volume "+x.Name, 0)
		inst, err := p.Attach(ctx, machineRef(a, attempts), d.Ledger.ID(), attachmentOf(x, way))
		d.Step("attach.answered")
		if ctx.Err() != nil {
			break
		}
		if err == nil {
			return nil, d.attached(ctx, x, inst)
		}
		e := core.AsError(err, "provider "+p.Name())
		switch {
		case definite(e.Kind) || e.Kind == core.NotFound:
			return e, nil
		case e.Kind == core.Busy:
			if !held.wait(ctx, e.RetryAfter) && ctx.Err() == nil {
				return e, nil
			}
		default: // the same again is no change
			d.tell("attach.uncertain", e.Error(), 0)
			if !trouble.wait(ctx, e.RetryAfter) && ctx.Err() == nil {
				return nil, e
			}
		}
	}
	return nil, ctx.Err()
}

// attached records that the machine has the volume.
func (d *drive) attached(ctx context.Context, x core.AttachmentRecord, inst core.Instance) error {
	_, err := d.exports().note(ctx, x, "attach.made", "it has volume "+x.Name, func(x *core.AttachmentRecord, a *core.Allocation) {
		x.State, x.Error = core.AttachmentAttached, nil
		a.Volumes = append(without(a.Volumes, x.VolumeID), x.VolumeID)
		if a.Instance != nil {
			a.Instance.Attachments = inst.Attachments
		}
	})
	return err
}

// adoptAttachment is for one that another process began: what the machine has, it
// keeps; the way to anything else is ended.
func (d *drive) adoptAttachment(ctx context.Context, a core.Allocation, attempts []core.Attempt, x core.AttachmentRecord) error {
	p, err := d.Provider(ctx, a.Offer.Provider)
	if err != nil {
		return d.stillHeld(ctx, core.AsError(err, "provider "+a.Offer.Provider))
	}
	inst, err := p.Get(ctx, machineRef(a, attempts))
	switch {
	case err == nil && slices.ContainsFunc(inst.Attachments, func(y core.Attachment) bool { return y.ID == x.ID }):
		return d.attached(ctx, x, inst)
	case err != nil && core.KindOf(err) != core.NotFound:
		return d.stillHeld(ctx, core.AsError(err, "provider "+p.Name()))
	}
	if e := d.exports().unexport(ctx, x, nil); e != nil {
		return d.stillHeld(ctx, e)
	}
	return nil
}
