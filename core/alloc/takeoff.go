package alloc

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/core"
)

// takeOff ends an attachment of the allocation: the machine lets go of the volume,
// where there is one, and then the way to it is ended. A machine that does not let
// go keeps it, and that is the outcome.
func (d *drive) takeOff(ctx context.Context, a core.Allocation, attempts []core.Attempt, x core.AttachmentRecord) error {
	if hasMachine(a, attempts) {
		refusal, err := d.detach(ctx, a, attempts, x)
		switch {
		case err != nil:
			return err
		case refusal != nil:
			d.outcome = refusal
			return d.keepOn(ctx, x, refusal)
		}
	}
	if e := d.exports().unexport(ctx, x, nil); e != nil {
		return d.stillHeld(ctx, e)
	}
	return nil
}

// hasMachine reports whether the allocation has, or may have, a machine.
func hasMachine(a core.Allocation, attempts []core.Attempt) bool {
	for _, t := range attempts {
		if t.State == core.AttemptMade && a.Instance != nil {
			return true
		}
	}
	return false
}

// forcePatience is how long a machine may take to let go of a volume that is cut
// off then: longer than a guest that is well needs, shorter than a host hangs.
const forcePatience = 15 * time.Second

// detach takes a volume off the machine that runs. With a refusal the machine has
// it, as before; what is to be cut off anyway is not refused, and a machine or a
// provider that does not answer is not waited for.
func (d *drive) detach(ctx context.Context, a core.Allocation, attempts []core.Attempt, x core.AttachmentRecord) (refusal *core.Error, err error) {
	if x.State != core.AttachmentEnding {
		if x, err = d.exports().note(ctx, x, "detach.intended", "taking off volume "+x.Name, func(x *core.AttachmentRecord, _ *core.Allocation) {
			x.State = core.AttachmentEnding
		}); err != nil {
			return nil, err
		}
	}
	asked := ctx
	if x.Force {
		limited, cancel := context.WithTimeout(ctx, min(forcePatience, d.Patience))
		defer cancel()
		asked = limited
	}
	p, err := d.Provider(asked, a.Offer.Provider)
	if err != nil {
		if x.Force {
			return nil, ctx.Err()
		}
		return nil, d.stillHeld(ctx, core.AsError(err, "provider "+a.Offer.Provider))
	}
	tell := once(d.tell)
	trouble, held := newPatience(d.Patience, d.Now), newPatience(min(busyPatience, d.Patience), d.Now)
	for {
		d.Step("detach.send")
		tell("detach.sent", "asking "+p.Name()+" to let go of volume "+x.Name, 0)
		_, err := p.Detach(asked, machineRef(a, attempts), d.Ledger.ID(), x.ID)
		d.Step("detach.answered")
		if ctx.Err() != nil || asked.Err() != nil {
			return nil, ctx.Err()
		}
		e := core.AsError(err, "provider "+p.Name())
		switch kind := core.KindOf(err); {
		case kind == "" || kind == core.NotFound:
			return nil, nil
		case kind == core.Busy || definite(kind):
			if kind == core.Busy && held.wait(ctx, e.RetryAfter) {
				continue
			}
			if x.Force || ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return e, nil
		case !trouble.wait(ctx, e.RetryAfter):
			if x.Force {
				return nil, ctx.Err()
			}
			return nil, d.stillHeld(ctx, e)
		}
	}
}

// keepOn records that the machine keeps what it did not let go of, as it was
// before: a machine that was never told of a volume is not told to have it.
func (d *drive) keepOn(ctx context.Context, x core.AttachmentRecord, why *core.Error) error {
	_, err := d.exports().note(ctx, x, "detach.refused", why.Error(), func(x *core.AttachmentRecord, a *core.Allocation) {
		x.State, x.Force, x.Error = core.AttachmentAttached, false, why
	})
	return err
}

// machineRef names the machine of an allocation.
func machineRef(a core.Allocation, attempts []core.Attempt) core.InstanceRef {
	r := core.InstanceRef{}
	if len(attempts) > 0 {
		r = ref(attempts[len(attempts)-1])
	}
	if a.Instance != nil {
		r.ID = a.Instance.ID
	}
	return r
}

// unmake removes a volume that was made for the allocation.
func (d *drive) unmake(ctx context.Context, v core.VolumeRecord) error {
	if v.State != core.VolumeUndoing {
		var err error
		if v, err = d.volumes().undoing(ctx, v, nil); err != nil {
			if core.KindOf(err) == core.Busy {
				return d.stillHeld(ctx, core.AsError(err, "volume "+v.Name))
			}
			return err
		}
	}
	if _, e := d.volumes().unmake(ctx, v, nil); e != nil {
		return d.stillHeld(ctx, e)
	}
	return nil
}

// stillHeld leaves what cannot be ended now to a later drive.
func (d *drive) stillHeld(ctx context.Context, why *core.Error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, err := d.Ledger.Change(context.WithoutCancel(ctx), d.id, d.event(d.id, "volumes.held", why.Error()), func(a *core.Allocation) error {
		a.Message = why.Error()
		return nil
	})
	if err != nil {
		return err
	}
	d.tell("volumes.held", why.Error(), 0)
	return &core.Error{
		Kind: core.Uncertain, Op: "let go of volumes", Subject: "allocation " + d.id, Err: why,
		Text: "not all could be ended yet", Hint: "meson resume " + d.id,
	}
}
