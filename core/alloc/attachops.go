package alloc

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// Attach puts a volume on a machine that exists and returns when it has it; the
// same again is no change. A refusal leaves nothing exported. It waits for another
// driver of the machine as Drive does. Uncertain where it is not known how it
// stands: Drive of the machine, and TakeOver, go on.
func (e *Engine) Attach(ctx context.Context, order AttachOrder, report Report) (core.AttachmentRecord, error) {
	unlock, err := e.Lock(ctx, order.Allocation, report)
	if err != nil {
		return core.AttachmentRecord{}, err
	}
	defer unlock()
	// What others left half done comes first.
	before := &drive{Engine: e, id: order.Allocation, report: report}
	a, err := before.settled(ctx, "attach volume")
	if err != nil {
		return core.AttachmentRecord{}, err
	}
	held, err := e.Ledger.Attachments(ctx, ledger.AttachmentFilter{Allocation: a.ID, Provider: order.Provider, VolumeID: order.VolumeID})
	if err != nil {
		return core.AttachmentRecord{}, err
	}
	if len(held) > 0 {
		x := held[0]
		if x.ReadOnly == order.ReadOnly {
			return x, nil
		}
		return x, &core.Error{
			Kind: core.Conflict, Op: "attach volume", Subject: "volume " + x.Name + " on " + a.Name, Text: "it has it in another way: read-only " + fmt.Sprint(x.ReadOnly),
			Hint: "detach it first",
		}
	}
	d := &drive{Engine: e, id: a.ID, report: report, fresh: true}
	x, attempts, err := d.intend(ctx, a, order)
	if err != nil {
		return x, err
	}
	refusal, err := d.attach(ctx, a, attempts, x)
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		refusal = left(ctx, "attach volume", x.Name, "interrupted, and taken off again")
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.Patience)
		defer cancel()
		ctx = last
	case ctx.Err() != nil:
		return x, left(ctx, "attach volume", x.Name, "not finished in time")
	case err != nil:
		return x, d.stuck(err)
	}
	if refusal != nil {
		return d.undoAttach(ctx, a, attempts, x, refusal)
	}
	return e.Ledger.Attachment(ctx, x.ID)
}

// settled is the allocation, after what others left half done with it; Conflict
// unless it has a machine.
func (d *drive) settled(ctx context.Context, op string) (core.Allocation, error) {
	a, err := d.run(ctx)
	if err != nil {
		return a, err
	}
	switch a.State {
	case core.Running, core.Stopped, core.Starting, core.Stopping:
		return a, nil
	}
	return a, &core.Error{Kind: core.Conflict, Op: op, Subject: "machine " + a.Name, Text: "it is " + string(a.State)}
}

// intend records an attachment of a machine, which is asked how it reaches
// volumes.
func (d *drive) intend(ctx context.Context, a core.Allocation, order AttachOrder) (x core.AttachmentRecord, attempts []core.Attempt, err error) {
	if attempts, err = d.Ledger.Attempts(ctx, a.ID); err != nil {
		return x, nil, err
	}
	p, err := d.Provider(ctx, a.Offer.Provider)
	if err != nil {
		return x, nil, err
	}
	inst, err := p.Get(ctx, machineRef(a, attempts))
	if err != nil {
		return x, nil, err
	}
	if order.Record == "" {
		known, err := d.Ledger.Volumes(ctx, ledger.VolumeFilter{Provider: order.Provider, VolumeID: order.VolumeID})
		if err != nil {
			return x, nil, err
		}
		for _, v := range known {
			order.Record = v.ID
		}
	}
	from := inst.Consumer
	if len(from.Kinds) == 0 {
		from = a.Offer.Consumer
	}
	id := ledger.NewID()
	x = core.AttachmentRecord{
		ID: id, Allocation: a.ID, Index: -1, Owner: d.attachmentOwner(a.ID, id), Provider: order.Provider, VolumeID: order.VolumeID, Volume: order.Record,
		Name: cmp.Or(order.Name, order.VolumeID), ReadOnly: order.ReadOnly, From: from, State: core.AttachmentIntended,
	}
	const step = "attach.intended"
	if err := d.Ledger.AddAttachments(ctx, []core.AttachmentRecord{x}, d.event(a.ID, step, "attaching volume "+x.Name)); err != nil {
		return x, nil, err
	}
	d.Step(step + ".committed")
	d.tell(step, "attaching volume "+x.Name, 0)
	return x, attempts, nil
}

// undoAttach takes off what a machine refused: it may have a part of it.
func (d *drive) undoAttach(ctx context.Context, a core.Allocation, attempts []core.Attempt, x core.AttachmentRecord, why *core.Error) (core.AttachmentRecord, error) {
	x, err := d.Ledger.Attachment(ctx, x.ID)
	if err != nil {
		return x, d.stuck(err)
	}
	// One whose way was never known was never shown to the machine.
	if x.State != core.AttachmentIntended && why.Kind != core.Unsupported {
		refusal, err := d.detach(ctx, a, attempts, x)
		if err == nil && refusal != nil && refusal.Kind == core.Busy {
			err = d.stillHeld(ctx, refusal)
		}
		if err != nil {
			return x, d.stuck(err)
		}
	}
	if e := d.exports().unexport(ctx, x, nil); e != nil {
		return x, d.stuck(d.stillHeld(ctx, e))
	}
	if x, err = d.Ledger.Attachment(ctx, x.ID); err != nil {
		return x, err
	}
	return x, why
}

// Detach takes a volume off its machine, given the attachment's id, and returns
// when the machine can no longer reach it. Busy, with who holds it, where the
// machine does not let go, and all is as it was; with force it is cut off at the
// server of the bytes then. What has ended is no error.
func (e *Engine) Detach(ctx context.Context, attachment string, force bool, report Report) error {
	x, err := e.Ledger.Attachment(ctx, attachment)
	if err != nil || x.State == core.AttachmentEnded {
		return err
	}
	if x.Allocation == "" {
		return e.Unmap(ctx, attachment, force, report)
	}
	unlock, err := e.Lock(ctx, x.Allocation, report)
	if err != nil {
		return err
	}
	defer unlock()
	d := &drive{Engine: e, id: x.Allocation, report: report}
	if _, err := d.settled(ctx, "detach volume"); err != nil {
		return err
	}
	if x, err = e.Ledger.Attachment(ctx, attachment); err != nil || x.State == core.AttachmentEnded {
		return err
	}
	if _, err := d.exports().note(ctx, x, "detach.intended", "taking off volume "+x.Name, func(x *core.AttachmentRecord, _ *core.Allocation) {
		x.State, x.Force = core.AttachmentEnding, force
	}); err != nil {
		return err
	}
	_, err = d.run(ctx)
	return err
}

// Map exports a volume to somebody who is no machine of ours. The way to it has
// secrets and is not kept; the same id again gives it again. A refusal leaves
// nothing exported.
func (e *Engine) Map(ctx context.Context, order MapOrder, report Report) (core.AttachmentRecord, core.Export, error) {
	id := cmp.Or(order.ID, ledger.NewID())
	unlock, err := e.Lock(ctx, id, report)
	if err != nil {
		return core.AttachmentRecord{}, core.Export{}, err
	}
	defer unlock()
	d := exporter{Engine: e, tell: e.teller(id, report)}
	x, err := e.Ledger.Attachment(ctx, id)
	switch {
	case core.KindOf(err) == core.NotFound:
		if x, err = d.intendMap(ctx, id, order); err != nil {
			return x, core.Export{}, err
		}
	case err != nil:
		return x, core.Export{}, err
	case x.State == core.AttachmentEnding || x.State == core.AttachmentEnded || x.Provider != order.Provider || x.VolumeID != order.VolumeID || x.ReadOnly != order.ReadOnly:
		return x, core.Export{}, &core.Error{Kind: core.Conflict, Op: "map volume", Subject: "attachment " + id, Text: "it is of another volume, of another way, or has ended"}
	}
	way, refusal, err := d.export(ctx, x)
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		refusal = left(ctx, "map volume", x.Name, "interrupted, and ended")
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.Patience)
		defer cancel()
		ctx = last
	case err != nil:
		return x, core.Export{}, mapUnsettled(x, err)
	}
	if refusal != nil {
		if e := d.unexport(ctx, x, nil); e != nil {
			return x, core.Export{}, mapUnsettled(x, e)
		}
		return x, core.Export{}, refusal
	}
	x, err = e.Ledger.Attachment(ctx, id)
	return x, way, err
}

func (x exporter) intendMap(ctx context.Context, id string, order MapOrder) (core.AttachmentRecord, error) {
	t := core.AttachmentRecord{
		ID: id, Index: -1, Owner: x.attachmentOwner(id, id), Provider: order.Provider, VolumeID: order.VolumeID, Volume: order.Record,
		Name: cmp.Or(order.Name, order.VolumeID), ReadOnly: order.ReadOnly, From: order.From, Holder: order.Holder, State: core.AttachmentIntended,
	}
	const step = "map.intended"
	text := "mapping volume " + t.Name + " for " + order.Holder
	if err := x.Ledger.AddAttachments(ctx, []core.AttachmentRecord{t}, core.Event{Time: x.Now().UTC(), Step: step, Text: text}); err != nil {
		return t, err
	}
	x.Step(step + ".committed")
	x.tell(step, text, 0)
	return t, nil
}

func mapUnsettled(x core.AttachmentRecord, err error) error {
	return &core.Error{
		Kind: core.Uncertain, Op: "map volume", Subject: "volume " + x.Name, Err: err, Text: "whether it is exported is not known", Hint: "meson resume",
	}
}

// Unmap ends what Map began. Busy where somebody holds it, and all is as it was;
// with force it is cut off then. What has ended is no error.
func (e *Engine) Unmap(ctx context.Context, attachment string, force bool, report Report) error {
	unlock, err := e.Lock(ctx, attachment, report)
	if err != nil {
		return err
	}
	defer unlock()
	x, err := e.Ledger.Attachment(ctx, attachment)
	if err != nil || x.State == core.AttachmentEnded {
		return err
	}
	d := exporter{Engine: e, tell: e.teller(x.ID, report)}
	if x, err = d.note(ctx, x, "unmap.intended", "ending the way to volume "+x.Name, func(x *core.AttachmentRecord, _ *core.Allocation) {
		x.State, x.Force = core.AttachmentEnding, force
	}); err != nil {
		return err
	}
	return d.unmap(ctx, x)
}

// unmap ends a mapping that is to be ended.
func (x exporter) unmap(ctx context.Context, t core.AttachmentRecord) error {
	refused := x.unexport(ctx, t, func(e *core.Error) bool { return e.Kind == core.Busy })
	switch {
	case refused == nil:
		return nil
	case refused.Kind == core.Busy:
		_, err := x.note(ctx, t, "unmap.refused", refused.Error(), func(t *core.AttachmentRecord, _ *core.Allocation) {
			t.State, t.Force, t.Error = core.AttachmentExported, false, refused
		})
		return cmp.Or[error](err, refused)
	case ctx.Err() != nil:
		return left(ctx, "unmap volume", t.Name, "left as it is: "+string(t.State))
	}
	return mapUnsettled(t, refused)
}
