package alloc

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// CreateVolume makes a volume by itself and returns when it is available. Errors
// are as Start's: Conflict, where its offer has become dearer or another volume,
// with nothing recorded; Interrupted, undone; Uncertain, where TakeOverVolumes
// goes on; a provider's own refusal, with nothing left. The record is returned as
// it stands, along with every error.
func (e *Engine) CreateVolume(ctx context.Context, order VolumeOrder, report Report) (core.VolumeRecord, error) {
	id := cmp.Or(order.ID, ledger.NewID())
	fresh, refusal := e.askVolumeAgain(ctx, order.Spec, order.Name, order.Quote, true)
	switch {
	case ctx.Err() != nil:
		return core.VolumeRecord{}, left(ctx, "create volume", order.Name, "nothing was made")
	case refusal != nil:
		return core.VolumeRecord{}, refusal
	}
	unlock, err := e.Ledger.Lock(ctx, id)
	if err != nil {
		return core.VolumeRecord{}, err
	}
	defer unlock()
	v := e.newVolume(id, id, order.Name, order.Spec, fresh)
	v.Origin = order.Origin
	const step = "volume.intended"
	d := volumeDrive{Engine: e, fresh: true, tell: e.teller(id, report)}
	text := fmt.Sprintf("volume %s at %s", v.Name, v.Provider)
	if err := e.Ledger.AddVolumes(ctx, []core.VolumeRecord{v}, core.Event{Time: e.Now().UTC(), Step: step, Text: text}); err != nil {
		return core.VolumeRecord{}, err
	}
	e.Step(step + ".committed")
	d.tell(step, text, 0)
	return d.run(ctx, v)
}

// RemoveVolume removes a volume and what it holds, and returns when it is gone.
// One that the ledger did not make is recorded first. Busy, and by whom, where it
// is in use: then nothing has changed, as for every other refusal. Uncertain where
// it is not known: TakeOverVolumes goes on.
func (e *Engine) RemoveVolume(ctx context.Context, target VolumeTarget, report Report) error {
	v, err := e.recordOf(ctx, target)
	if err != nil {
		return err
	}
	if v.Allocation != "" && !v.Keep {
		return &core.Error{
			Kind: core.Busy, Op: "remove volume", Subject: "volume " + v.Name, Text: "it was made for machine " + v.Allocation + " and goes with it",
			Hint: "meson rm " + v.Allocation,
		}
	}
	d := volumeDrive{Engine: e, tell: e.teller(v.ID, report)}
	unlock, err := e.Lock(ctx, v.ID, report)
	if err != nil {
		return err
	}
	defer unlock()
	if v.Foreign && v.State == "" {
		v.State = core.VolumeUndoing
		const step = "volume.delete.intended"
		if err := e.Ledger.AddVolumes(ctx, []core.VolumeRecord{v}, core.Event{Time: e.Now().UTC(), Step: step, Text: "removing volume " + v.Name}); err != nil {
			return err
		}
		e.Step(step + ".committed")
	} else if v, err = e.Ledger.Volume(ctx, v.ID); err != nil || v.State.Final() {
		return err
	}
	if v.State != core.VolumeUndoing {
		if v, err = d.undoing(ctx, v, nil); err != nil {
			return err
		}
	}
	_, err = d.run(ctx, v)
	return err
}

// recordOf is the record of a volume, or a new one of a volume that has none.
func (e *Engine) recordOf(ctx context.Context, target VolumeTarget) (core.VolumeRecord, error) {
	if target.Record != "" {
		return e.Ledger.Volume(ctx, target.Record)
	}
	known, err := e.Ledger.Volumes(ctx, ledger.VolumeFilter{Provider: target.Provider, VolumeID: target.VolumeID})
	if err != nil || len(known) > 0 {
		return append(known, core.VolumeRecord{})[0], err
	}
	id, now := ledger.NewID(), e.Now().UTC()
	return core.VolumeRecord{
		ID: id, Name: target.Name, Provider: target.Provider, VolumeID: target.VolumeID, Owner: core.Owner{Key: id + "-foreign"}, Foreign: true,
		CreatedAt: now, UpdatedAt: now,
	}, nil
}

// run takes a volume by itself on from where it stands until nothing is left to
// do. What was interrupted before it was made, in the process that began it, is
// undone.
func (d volumeDrive) run(ctx context.Context, v core.VolumeRecord) (core.VolumeRecord, error) {
	var outcome error
	for {
		switch v.State {
		case core.VolumeMade, core.VolumeRefused, core.VolumeRemoved:
			return v, outcome
		case core.VolumeIntended:
			made, refusal, err := d.make(ctx, v)
			switch {
			case err == nil && refusal == nil:
				v = made
				continue
			case err != nil && ctx.Err() != nil && d.fresh && !errors.Is(context.Cause(ctx), context.DeadlineExceeded):
				refusal = left(ctx, "create volume", v.Name, "interrupted before it was made, and undone")
				last, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.Patience)
				defer cancel()
				ctx = last
			case err != nil && ctx.Err() != nil:
				return made, left(ctx, "create volume", v.Name, "left as it is: "+string(v.State))
			case err != nil:
				return made, unsettled("create volume", v, err)
			}
			outcome = refusal
			if v, err = d.undoing(ctx, made, refusal); err != nil {
				return v, unsettled("create volume", v, err)
			}
		case core.VolumeUndoing:
			var e *core.Error
			if v, e = d.unmake(ctx, v, func(e *core.Error) bool { return (v.Keep || v.Foreign) && refusesRemoval(e) }); e == nil {
				continue
			}
			switch {
			case (v.Keep || v.Foreign) && refusesRemoval(e):
				back, err := d.note(ctx, v, "volume.delete.refused", e.Error(), func(v *core.VolumeRecord) {
					v.State, v.Error = core.VolumeMade, nil
					if v.Foreign {
						v.State = core.VolumeRefused
					}
				})
				return back, cmp.Or[error](err, e)
			case ctx.Err() != nil:
				return v, left(ctx, "remove volume", v.Name, "left as it is: "+string(v.State))
			}
			return v, unsettled("remove volume", v, e)
		}
	}
}

// refusesRemoval reports whether a removal certainly changed nothing, and would
// not if it were tried again just now.
func refusesRemoval(e *core.Error) bool { return definite(e.Kind) || e.Kind == core.Busy }

// unsettled is the end of a drive that a later one goes on from.
func unsettled(op string, v core.VolumeRecord, err error) error {
	return &core.Error{
		Kind: core.Uncertain, Op: op, Subject: "volume " + v.Name, Err: err, Text: "how it stands is not known", Hint: "meson resume",
	}
}

// left is the error of what the end of the context ended.
func left(ctx context.Context, op, name, text string) *core.Error {
	e := &core.Error{Kind: core.Interrupted, Op: op, Subject: "volume " + name, Text: text, Hint: "meson resume"}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		e.Kind = core.Uncertain
	}
	return e
}

// teller tells of what is no allocation's.
func (e *Engine) teller(id string, report Report) Report {
	return func(step, text string, percent int) {
		e.Log.Debug("volume step", "id", id, "step", step, "text", text)
		if report != nil {
			report(step, text, percent)
		}
	}
}
