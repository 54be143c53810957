package alloc

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/core"
)

// asked is a provider, of machines or of volumes, whose word has to be waited for.
type asked interface {
	Name() string
	Describe(ctx context.Context) (core.Description, error)
	Restart(ctx context.Context) error
}

// resolve finds out whether a machine exists under an attempt's key after an
// outcome that is not known: the plugin is restarted, so that nothing of the
// old request is under way in it, and absence is believed when it has lasted for
// the provider's consistency window. err means that it is still not known.
func (d *drive) resolve(ctx context.Context, p Provider, t core.Attempt) (absent bool, err error) {
	return d.absent(ctx, p, d.fresh, func(ctx context.Context) error {
		_, err := p.Get(ctx, ref(t))
		return err
	})
}

// absent is resolve for whatever get looks for.
func (e *Engine) absent(ctx context.Context, p asked, restart bool, get func(context.Context) error) (bool, error) {
	if restart {
		if err := p.Restart(ctx); err != nil {
			return false, err
		}
	}
	trouble := newPatience(e.Patience, e.Now)
	var looks looks
	for {
		window, err := window(ctx, p)
		described := err == nil
		if described {
			err = get(ctx)
		}
		switch kind := core.KindOf(err); {
		case kind == "":
			return false, nil
		case kind == core.NotFound && described:
			wait, lasted := looks.absent(e.Now(), window)
			if lasted {
				return true, nil
			}
			pause(ctx, wait)
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
		default:
			looks.reset()
			e := core.AsError(err, "provider "+p.Name())
			if !trouble.wait(ctx, e.RetryAfter) {
				return false, e
			}
		}
	}
}

func window(ctx context.Context, p asked) (time.Duration, error) {
	about, err := p.Describe(ctx)
	if err != nil {
		return 0, err
	}
	return min(time.Duration(about.ConsistencyWindowMS)*time.Millisecond, 10*time.Minute), nil
}

// undo removes whatever an attempt made and records that nothing is left. While
// the outcome of its Create is not known, absence must last for the provider's
// consistency window after the removal, and is removed again if it does not.
func (d *drive) undo(ctx context.Context, a core.Allocation, t core.Attempt) error {
	if t.State != core.AttemptUndoing {
		if err := d.note(ctx, t, "delete.intended", "removing", func(t *core.Attempt, _ *core.Allocation) { t.State = core.AttemptUndoing }); err != nil {
			return err
		}
	}
	ran := a.State == core.Releasing && a.Instance != nil && a.Instance.ID == t.InstanceID && a.Instance.State != core.Creating
	p, err := d.Provider(ctx, t.Quote.Provider)
	if err != nil {
		return d.held(ctx, t, core.AsError(err, "provider "+t.Quote.Provider))
	}
	if e := d.remove(ctx, p, t, !ran && !d.refusedOutright(t)); e != nil {
		return d.held(ctx, t, e)
	}
	step, text, state := "refused", "nothing is left of it", core.AttemptRefused
	if ran {
		step, text, state = "removed", "removed from "+p.Name()+" "+t.Quote.Zone, core.AttemptRemoved
	}
	return d.note(ctx, t, step, text, func(t *core.Attempt, a *core.Allocation) {
		t.State = state
		if a.State == core.Unsure {
			a.State = core.Creating
		}
	})
}

// refusedOutright reports whether the answer to Create itself, in this process,
// promised that nothing is left.
func (d *drive) refusedOutright(t core.Attempt) bool {
	return d.fresh && t.Error != nil && definite(t.Error.Kind)
}

// remove deletes under the attempt's key until the provider says that it is
// gone; with doubt, until absence has lasted.
func (d *drive) remove(ctx context.Context, p Provider, t core.Attempt, doubt bool) *core.Error {
	return d.erase(ctx, p, erasure{
		what: "delete", doubt: doubt, restart: d.fresh, tell: d.tell,
		remove: func(ctx context.Context) error { return p.Delete(ctx, ref(t)) },
		get: func(ctx context.Context) error {
			_, err := p.Get(ctx, ref(t))
			return err
		},
	})
}

// erasure is a removal that is kept at until nothing is left.
type erasure struct {
	// what begins the names of its steps.
	what string
	// doubt means that what is removed may yet appear; restart that the plugin may
	// be at it.
	doubt, restart bool
	tell           Report
	remove, get    func(ctx context.Context) error
	// final, if set, reports of an error that trying again would change nothing.
	final func(*core.Error) bool
}

func (e *Engine) erase(ctx context.Context, p asked, r erasure) *core.Error {
	r.tell = once(r.tell)
	trouble := newPatience(e.Patience, e.Now)
	for {
		e.Step(r.what + ".send")
		r.tell(r.what+".sent", "removing from "+p.Name(), 0)
		err := r.remove(ctx)
		e.Step(r.what + ".answered")
		if err == nil && r.doubt {
			var absent bool
			absent, err = e.absent(ctx, p, r.restart, r.get)
			switch {
			case err == nil && absent:
				// Once more: a request that was under way may have made a part of it
				// after the first removal.
				r.doubt = false
				continue
			case err == nil:
				err = core.Errorf(core.Busy, "%s still has it after removing it", p.Name())
			}
		}
		if err == nil {
			return nil
		}
		failed := core.AsError(err, "provider "+p.Name())
		if r.final != nil && r.final(failed) || !trouble.wait(ctx, failed.RetryAfter) {
			return failed
		}
	}
}

// held leaves a removal that does not succeed to a later drive.
func (d *drive) held(ctx context.Context, t core.Attempt, why *core.Error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := d.note(ctx, t, "delete.failed", why.Error(), func(_ *core.Attempt, a *core.Allocation) { a.Message = why.Error() })
	if err != nil {
		return err
	}
	return &core.Error{
		Kind: core.Uncertain, Op: "remove", Subject: "allocation " + d.id, Err: why,
		Text: "it could not be removed yet", Hint: "meson resume " + d.id,
	}
}
