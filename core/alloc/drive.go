package alloc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// drive is one process's turn at one allocation, whose lock it holds.
type drive struct {
	*Engine
	id     string
	report Report
	// fresh means that this process began the allocation, so nobody else's
	// request can still be under way.
	fresh bool
	// outcome is what the user is told, if it is not success.
	outcome error
	// telling makes reports come one at a time.
	telling sync.Mutex
}

func (d *drive) run(ctx context.Context) (core.Allocation, error) {
	for {
		a, err := d.Ledger.Allocation(context.WithoutCancel(ctx), d.id)
		if err != nil {
			return a, err
		}
		attempts, err := d.Ledger.Attempts(context.WithoutCancel(ctx), d.id)
		if err != nil {
			return a, err
		}
		held, err := d.holdings(ctx)
		if err != nil {
			return a, err
		}
		next := planHeld(a, attempts, held)
		if next.move == settled {
			return a, d.outcome
		}
		if ctx.Err() != nil {
			if done, err := d.interrupted(ctx, a, next.move); done {
				return a, err
			}
			// What was begun is undone under a context of its own.
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.Patience)
			defer cancel()
			ctx = last
			continue
		}
		switch next.move {
		case try:
			err = d.try(ctx, a, len(attempts), held)
		case carryOn:
			err = d.carryOn(ctx, a, *next.attempt)
		case undo:
			err = d.undo(ctx, a, *next.attempt)
		case takeOff:
			err = d.takeOff(ctx, a, attempts, *next.attachment)
		case attach:
			err = d.adoptAttachment(ctx, a, attempts, *next.attachment)
		case unmake:
			err = d.unmake(ctx, *next.volume)
		case fail:
			err = d.fail(ctx, a, attempts)
		case vanish:
			err = d.settle(ctx, "gone", core.Gone, "removed")
		}
		if err != nil && ctx.Err() == nil {
			return d.asItStands(ctx, d.id), d.stuck(err)
		}
	}
}

// stuck is the end of a drive that a later one goes on from. Whatever a move
// could not find out of a provider is Uncertain already; any other error is the
// ledger's, and how the machine stands could not be recorded.
func (d *drive) stuck(err error) error {
	if core.KindOf(err) == core.Uncertain {
		return err
	}
	return &core.Error{
		Kind: core.Uncertain, Op: "drive", Subject: "allocation " + d.id, Err: err,
		Text: "how it stands could not be recorded", Hint: "meson resume " + d.id,
	}
}

// interrupted reacts to the end of the context. A removal, a take-over and a
// deadline leave the rest to a later drive; a machine that this process began
// and that does not run yet is abandoned, and the drive goes on to undo it.
func (d *drive) interrupted(ctx context.Context, a core.Allocation, next move) (done bool, err error) {
	left := core.Error{Op: "drive", Subject: "allocation " + d.id, Hint: "meson resume " + d.id}
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		left.Kind, left.Text = core.Uncertain, fmt.Sprintf("not finished in time: %s", a.State)
		return true, &left
	case !d.fresh || a.State == core.Releasing:
		left.Kind, left.Text = core.Interrupted, fmt.Sprintf("interrupted, and left as it is: %s", a.State)
		return true, &left
	}
	d.outcome = &core.Error{Kind: core.Interrupted, Op: "deploy", Subject: "allocation " + d.id, Text: "interrupted before it ran, and undone"}
	err = d.abandon(ctx, "interrupted "+next.String())
	return err != nil, err
}

// fail ends an allocation of which nothing is held. One that an earlier command
// gave up is no failure of this one, which has finished it.
func (d *drive) fail(ctx context.Context, a core.Allocation, attempts []core.Attempt) error {
	finished := a.Abandoned && !d.fresh
	text := a.Message
	switch {
	case finished:
		why, err := d.whyAbandoned(ctx, a)
		if err != nil {
			return err
		}
		text = "given up before: " + why + "; undone now"
	case !a.Abandoned && len(attempts) == 1:
		text = "the offer was refused"
	case !a.Abandoned:
		text = fmt.Sprintf("all %d offers were refused", len(attempts))
	}
	if err := d.settle(ctx, "failed", core.Failed, text); err != nil {
		return err
	}
	if d.outcome == nil && !finished {
		d.outcome = d.refusals(text, attempts)
	}
	return nil
}

// whyAbandoned is why an earlier command gave the allocation up; its message may
// say since what went wrong while it was undone.
func (d *drive) whyAbandoned(ctx context.Context, a core.Allocation) (string, error) {
	events, err := d.Ledger.Events(ctx, ledger.Query{Allocation: a.ID})
	for _, e := range events {
		if e.Step == "abandoned" {
			return e.Text, err
		}
	}
	return a.Message, err
}

// refusals is the error of an allocation that nobody would take, each attempt's
// own as a fault. Its kind is the attempts' if they agree, else NoOffer; so is
// its scope, else none.
func (d *drive) refusals(text string, attempts []core.Attempt) error {
	e := &core.Error{Kind: core.NoOffer, Op: "deploy", Subject: "allocation " + d.id, Text: text}
	var last *core.Error
	sameKind, sameScope := true, true
	for _, t := range attempts {
		if t.Error == nil {
			continue
		}
		if last != nil {
			sameKind = sameKind && t.Error.Kind == last.Kind
			sameScope = sameScope && t.Error.Scope == last.Scope
		}
		last = t.Error
		e.Faults = append(e.Faults, core.Fault{Path: t.Quote.Provider + " " + t.Quote.Zone, Text: t.Error.Error()})
		if e.Hint == "" {
			e.Hint = t.Error.Hint
		}
	}
	if last != nil && sameKind {
		e.Kind = last.Kind
		if sameScope {
			e.Scope = last.Scope
		}
	}
	return e
}

// settle records a final state; the ledger then forgets the secrets.
func (d *drive) settle(ctx context.Context, step string, state core.State, text string) error {
	_, err := d.Ledger.Change(ctx, d.id, d.event(d.id, step, text), func(a *core.Allocation) error {
		a.State, a.Message = state, text
		if state == core.Gone && a.Instance != nil {
			a.Instance.State = core.Gone
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.Step(step + ".committed")
	d.tell(step, text, 0)
	return nil
}

// note changes an attempt and its allocation together with the event that says
// so.
func (d *drive) note(ctx context.Context, t core.Attempt, step, text string, fn func(*core.Attempt, *core.Allocation)) error {
	ev := d.event(d.id, step, text)
	ev.Attempt = t.Number
	err := d.Ledger.ChangeAttempt(context.WithoutCancel(ctx), d.id, t.Number, ev, func(t *core.Attempt, a *core.Allocation) error {
		fn(t, a)
		return nil
	})
	if err != nil {
		return err
	}
	d.Step(step + ".committed")
	d.tell(step, text, 0)
	return nil
}

func (d *drive) tell(step, text string, percent int) {
	d.Log.Debug("allocation step", "allocation", d.id, "step", step, "text", text)
	if d.report != nil {
		d.telling.Lock()
		defer d.telling.Unlock()
		d.report(step, text, percent)
	}
}

func (m move) String() string {
	return [...]string{
		"nothing left to do", "before the next offer", "while creating", "while undoing", "after the last offer", "after removal",
		"while ending the way to a volume", "while attaching a volume", "while removing a volume",
	}[m]
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
