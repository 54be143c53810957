package alloc

import (
	"context"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/core"
)

// volumeDrive is one process's turn at one volume.
type volumeDrive struct {
	*Engine
	// fresh means that this process recorded the volume, so nobody else's request
	// can still be under way.
	fresh bool
	tell  Report
}

// make repeats an intended volume's CreateVolume until it is available, and
// records that. With a refusal, it is to be undone; err leaves it to a later
// drive.
func (d volumeDrive) make(ctx context.Context, v core.VolumeRecord) (made core.VolumeRecord, refusal *core.Error, err error) {
	s, err := d.Storage(ctx, v.Provider)
	if err != nil {
		return v, nil, core.AsError(err, "provider "+v.Provider)
	}
	if !d.fresh && v.VolumeID == "" {
		absent, err := d.absent(ctx, s, false, d.get(s, v))
		if err != nil {
			return v, nil, core.AsError(err, "provider "+s.Name())
		}
		if absent && !d.Now().Before(v.Quote.Offer.ExpiresAt) {
			return v, core.Errorf(core.Conflict, "its offer expired before it was taken over, and nothing was made"), nil
		}
	}
	req := core.CreateVolumeRequest{Owner: v.Owner, Name: v.Name, Spec: v.Spec, Offer: v.Quote.Offer, Origin: v.Origin}
	d.tell = once(d.tell)
	trouble := newPatience(d.Patience, d.Now)
	uncertain := 0
	for ctx.Err() == nil {
		d.Step("volume.send")
		d.tell("volume.sent", fmt.Sprintf("asking %s for volume %s", s.Name(), v.Name), 0)
		found, err := s.CreateVolume(ctx, req)
		d.Step("volume.answered")
		if ctx.Err() != nil {
			return v, nil, ctx.Err()
		}
		if err == nil {
			trouble.reset()
			if v, refusal, err = d.seen(ctx, v, found); err != nil || refusal != nil || v.State == core.VolumeMade {
				return v, refusal, err
			}
			d.await(ctx, s, v)
			continue
		}
		e := core.AsError(err, "provider "+s.Name())
		switch {
		case definite(e.Kind):
			// What may not be read as its origin says nothing of other volumes.
			if e.Kind != core.Denied || v.Origin == (core.VolumeOrigin{}) {
				if err := d.remember(ctx, s, volumeOf(v.Quote.Offer), e); err != nil {
					return v, nil, err
				}
			}
			return v, e, nil
		case e.Kind == core.Busy || e.Kind == core.Throttled:
			d.tell("volume.waiting", "volume "+v.Name+": "+e.Error(), 0)
		default:
			d.tell("volume.uncertain", "volume "+v.Name+": "+e.Error(), 0)
			absent, err := d.absent(ctx, s, d.fresh, d.get(s, v))
			if err != nil {
				e = core.AsError(err, e.Subject)
			} else if absent {
				if uncertain++; uncertain > maxUncertain {
					return v, e, nil
				}
				trouble.reset()
			}
		}
		if !trouble.wait(ctx, e.RetryAfter) {
			if ctx.Err() != nil {
				break
			}
			return v, nil, e
		}
	}
	return v, nil, ctx.Err()
}

func (d volumeDrive) get(s Storage, v core.VolumeRecord) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.GetVolume(ctx, v.Ref())
		return err
	}
}

// seen records what a provider says of a volume that is being made.
func (d volumeDrive) seen(ctx context.Context, v core.VolumeRecord, found core.Volume) (core.VolumeRecord, *core.Error, error) {
	switch found.State {
	case core.VolumeFailed, core.VolumeGone, core.VolumeDeleting:
		return v, &core.Error{
			Kind: core.Internal, Op: "create volume", Subject: v.Provider + " " + v.Name, Source: core.SourceProvider,
			Text: fmt.Sprintf("the volume was made and then is %s: %s", found.State, found.Message),
		}, nil
	case core.VolumeCreating:
		d.progress(found)
		if v.VolumeID != "" {
			return v, nil, nil
		}
		v, err := d.note(ctx, v, "volume.begun", "there, being made", func(v *core.VolumeRecord) { v.VolumeID = found.ID })
		return v, nil, err
	}
	d.forget(ctx, volumeOf(v.Quote.Offer))
	v, err := d.note(ctx, v, "volume.made", fmt.Sprintf("volume %s at %s: %s", v.Name, v.Provider, found.ID), func(v *core.VolumeRecord) {
		v.State, v.VolumeID, v.Error = core.VolumeMade, found.ID, nil
		v.Keep = v.Allocation == ""
	})
	return v, nil, err
}

// await returns when the volume is available or has failed, or after watchFor.
func (d volumeDrive) await(ctx context.Context, s Storage, v core.VolumeRecord) {
	start := time.Now()
	watch, cancel := context.WithTimeout(ctx, watchFor)
	defer cancel()
	news := false
	err := s.WatchVolume(watch, v.Ref(), func(found core.Volume) error {
		d.progress(found)
		if found.State != core.VolumeCreating {
			news = true
			cancel()
		}
		return nil
	})
	// A watch that ends without news must not turn into a storm of calls.
	if !news && time.Since(start) < watchFor {
		d.Log.Debug("watch of a volume ended early", "volume", v.ID, "error", err)
		pause(ctx, 2*firstPause)
	}
}

func (d volumeDrive) progress(found core.Volume) {
	if p := found.Progress; p.Step != "" {
		text := p.Step
		if p.Text != "" {
			text += ": " + p.Text
		}
		if found.Name != "" { // several may be under way
			text = "volume " + found.Name + ": " + text
		}
		d.tell("volume.progress", text, p.Percent)
	}
}

// unmake removes a volume that is to be removed, and records that nothing is left.
// final reports of a refusal that trying again would change nothing.
func (d volumeDrive) unmake(ctx context.Context, v core.VolumeRecord, final func(*core.Error) bool) (core.VolumeRecord, *core.Error) {
	s, err := d.Storage(ctx, v.Provider)
	if err != nil {
		return v, core.AsError(err, "provider "+v.Provider)
	}
	refused := d.fresh && v.Error != nil && definite(v.Error.Kind)
	if e := d.erase(ctx, s, erasure{
		what: "volume.delete", doubt: v.VolumeID == "" && !refused, restart: d.fresh, tell: d.tell, final: final,
		remove: func(ctx context.Context) error { return s.DeleteVolume(ctx, v.Ref()) },
		get:    d.get(s, v),
	}); e != nil {
		return v, e
	}
	state, step, text := core.VolumeRefused, "volume.refused", "nothing is left of volume "+v.Name
	if v.Keep || v.Foreign || v.Error == nil && v.VolumeID != "" {
		state, step, text = core.VolumeRemoved, "volume.removed", fmt.Sprintf("volume %s removed from %s", v.Name, v.Provider)
	}
	v, err = d.note(ctx, v, step, text, func(v *core.VolumeRecord) { v.State = state })
	if err != nil {
		return v, core.AsError(err, "volume "+v.ID)
	}
	return v, nil
}

// undoing records that a volume is to be removed, and why, if not on demand.
func (d volumeDrive) undoing(ctx context.Context, v core.VolumeRecord, why *core.Error) (core.VolumeRecord, error) {
	text := "removing volume " + v.Name
	if why != nil {
		text = why.Error()
	}
	return d.note(ctx, v, "volume.delete.intended", text, func(v *core.VolumeRecord) { v.State, v.Error = core.VolumeUndoing, why })
}

// note changes a volume's record together with the event that says so.
func (d volumeDrive) note(ctx context.Context, v core.VolumeRecord, step, text string, fn func(*core.VolumeRecord)) (core.VolumeRecord, error) {
	changed, err := d.Ledger.ChangeVolume(context.WithoutCancel(ctx), v.ID, core.Event{Time: d.Now().UTC(), Step: step, Text: text},
		func(v *core.VolumeRecord) error {
			fn(v)
			return nil
		})
	if err != nil {
		return v, err
	}
	d.Step(step + ".committed")
	d.tell(step, text, 0)
	return changed, nil
}
