package alloc

import (
	"context"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// How a Create is repeated.
const (
	// watchFor bounds one wait for news between two Creates.
	watchFor = 5 * time.Second
	// firstPause and longestPause space out calls that were not accepted.
	firstPause   = 100 * time.Millisecond
	longestPause = 3 * time.Second
	// maxUncertain is how often an attempt whose outcome was uncertain, and
	// whose machine was then seen to be absent, is sent again under its key.
	maxUncertain = 2
)

// carryOn repeats an attempt's Create until its machine runs, or until a
// definite refusal makes it one to undo.
func (d *drive) carryOn(ctx context.Context, a core.Allocation, t core.Attempt) error {
	p, err := d.Provider(ctx, t.Quote.Provider)
	if err != nil {
		return d.unsure(ctx, t, core.AsError(err, "provider "+t.Quote.Provider))
	}
	if !d.fresh {
		adopted, err := d.adopt(ctx, p, t)
		if err != nil || adopted {
			return err
		}
	}
	secrets, err := d.Ledger.Secrets(ctx, a.ID)
	switch {
	case err == nil:
	case ctx.Err() != nil || core.KindOf(err) == core.Unavailable: // nothing is refused by that
		return d.orInterrupted(ctx, err)
	default:
		return d.giveUp(ctx, t, core.AsError(err, "secrets of the allocation"))
	}
	req := core.CreateRequest{Owner: t.Owner, Name: a.Name, Pledge: a.Pledge.Clone().BootingFrom(t.Quote.Volumes), Offer: t.Quote.Offer}
	secrets.Into(&req.Pledge)
	attachments, given, err := d.provide(ctx, a, t)
	if err != nil || given {
		return err
	}
	req.Attachments = attachments

	tell := once(d.tell)
	trouble := newPatience(d.Patience, d.Now)
	uncertain := 0
	for ctx.Err() == nil {
		d.Step("create.send")
		tell("create.sent", "asking "+p.Name(), 0)
		inst, err := p.Create(ctx, req)
		d.Step("create.answered")
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			trouble.reset()
			if done, err := d.seen(ctx, &t, inst); done || err != nil {
				return err
			}
			d.await(ctx, p, t)
			continue
		}
		e := core.AsError(err, "provider "+p.Name())
		switch {
		case definite(e.Kind):
			if err := d.remember(ctx, p, machineOf(t.Quote), e); err != nil {
				return err
			}
			return d.giveUp(ctx, t, e)
		case e.Kind == core.Busy || e.Kind == core.Throttled:
			tell("create.waiting", e.Error(), 0)
		default:
			tell("create.uncertain", e.Error(), 0)
			absent, err := d.resolve(ctx, p, t)
			if err != nil {
				e = core.AsError(err, e.Subject)
			} else if absent {
				if uncertain++; uncertain > maxUncertain {
					return d.giveUp(ctx, t, e)
				}
				// However long it took, it is known now.
				trouble.reset()
			}
		}
		if !trouble.wait(ctx, e.RetryAfter) {
			return d.unsure(ctx, t, e)
		}
	}
	return ctx.Err()
}

// adopt looks for the machine of an attempt that another process sent: it must
// not be sent again for an expired offer, so what is absent then is given up.
func (d *drive) adopt(ctx context.Context, p Provider, t core.Attempt) (adopted bool, err error) {
	absent, err := d.resolve(ctx, p, t)
	switch {
	case err != nil:
		return false, d.orInterrupted(ctx, d.unsure(ctx, t, core.AsError(err, "provider "+p.Name())))
	case !absent:
		inst, err := p.Get(ctx, ref(t))
		if err != nil {
			return false, d.unsure(ctx, t, core.AsError(err, "provider "+p.Name()))
		}
		return d.seen(ctx, &t, inst)
	case !d.Now().Before(t.Quote.ExpiresAt):
		return true, d.giveUp(ctx, t, core.Errorf(core.Conflict, "its offer expired before it was taken over, and nothing was made"))
	}
	return false, nil
}

// definite reports whether an error of Create promises that nothing is left.
func definite(k core.Kind) bool {
	switch k {
	case core.Exhausted, core.Invalid, core.Denied, core.Unsupported, core.Conflict:
		return true
	}
	return false
}

// seen records what a provider says of the machine. done means that it is not
// being made any more, and the drive has something else to do.
func (d *drive) seen(ctx context.Context, t *core.Attempt, inst core.Instance) (done bool, err error) {
	switch inst.State {
	case core.Failed, core.Gone:
		return true, d.giveUp(ctx, *t, &core.Error{
			Kind: core.Internal, Op: "create", Subject: t.Quote.Provider + " " + inst.Zone, Source: core.SourceProvider,
			Text: "the machine was made and then failed: " + inst.Message,
		})
	case core.Creating, core.Pending:
		if t.State != core.AttemptMade {
			t.State = core.AttemptMade
			if err := d.made(ctx, *t, inst); err != nil {
				return false, err
			}
		}
		d.progress(inst)
		return false, nil
	}
	return true, d.runs(ctx, *t, inst)
}

func (d *drive) made(ctx context.Context, t core.Attempt, inst core.Instance) error {
	return d.note(ctx, t, "create.made", "there, being set up", func(t *core.Attempt, a *core.Allocation) {
		t.State, t.InstanceID = core.AttemptMade, inst.ID
		a.State, a.Instance, a.Message = core.Creating, &inst, ""
	})
}

func (d *drive) runs(ctx context.Context, t core.Attempt, inst core.Instance) error {
	d.forget(ctx, machineOf(t.Quote))
	text := fmt.Sprintf("%s at %s %s", inst.State, inst.Provider, inst.Zone)
	set := func(t *core.Attempt, a *core.Allocation) {
		t.State, t.InstanceID, t.Error = core.AttemptMade, inst.ID, nil
		a.State, a.Instance, a.Message = inst.State, &inst, ""
	}
	if len(t.Quote.Volumes) == 0 {
		return d.note(ctx, t, "running", text, set)
	}
	// From now on it has its volumes, and those that are not volatile outlive it.
	return d.noteHeld(ctx, t, "running", text, func(h *ledger.Held) {
		set(h.Attempt, h.Allocation)
		h.Allocation.Volumes = []string{}
		for i := range h.Attachments {
			if x := &h.Attachments[i]; x.Attempt == t.Number && x.State != core.AttachmentEnded {
				x.State = core.AttachmentAttached
				h.Allocation.Volumes = append(h.Allocation.Volumes, x.VolumeID)
			}
		}
		for i := range h.Volumes {
			if v := &h.Volumes[i]; v.State == core.VolumeMade {
				v.Keep = !v.Volatile
			}
		}
	})
}

// await returns when the machine runs or fails, or after watchFor: the next
// Create then says how it stands.
func (d *drive) await(ctx context.Context, p Provider, t core.Attempt) {
	start := time.Now()
	watch, cancel := context.WithTimeout(ctx, watchFor)
	defer cancel()
	news := false
	err := p.Watch(watch, ref(t), func(inst core.Instance) error {
		d.progress(inst)
		if inst.State != core.Creating && inst.State != core.Pending {
			news = true
			cancel()
		}
		return nil
	})
	// A Watch that ends without news must not turn into a storm of Creates.
	if !news && time.Since(start) < watchFor {
		d.Log.Debug("watch ended early", "allocation", d.id, "error", err)
		pause(ctx, 2*firstPause)
	}
}

func (d *drive) progress(inst core.Instance) {
	if inst.Progress.Step != "" {
		text := inst.Progress.Step
		if inst.Progress.Text != "" {
			text += ": " + inst.Progress.Text
		}
		d.tell("create.progress", text, inst.Progress.Percent)
	}
}

// giveUp records that the attempt is to be undone, and why.
func (d *drive) giveUp(ctx context.Context, t core.Attempt, why *core.Error) error {
	return d.note(ctx, t, "create.refused", why.Error(), func(t *core.Attempt, a *core.Allocation) {
		t.State, t.Error = core.AttemptUndoing, why
	})
}

// unsure leaves the attempt to a later drive.
func (d *drive) unsure(ctx context.Context, t core.Attempt, why *core.Error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := d.note(ctx, t, "uncertain", why.Error(), func(t *core.Attempt, a *core.Allocation) {
		t.Error, a.State, a.Message = why, core.Unsure, why.Error()
	})
	if err != nil {
		return err
	}
	return &core.Error{
		Kind: core.Uncertain, Op: "create", Subject: "allocation " + d.id, Err: why,
		Text: "whether a machine exists is not known", Hint: "meson resume " + d.id,
	}
}

func (d *drive) orInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func ref(t core.Attempt) core.InstanceRef {
	return core.InstanceRef{Owner: t.Owner, Zone: t.Quote.Zone}
}
