package alloc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// takeOvers is how many allocations are taken over at the same time: those at a
// provider that is dead use up their patience together.
const takeOvers = 8

// TakeOver drives every allocation that is neither settled nor driven by
// anybody, or that has an attachment that is not, several at once, and returns how each of them stands, newest first,
// and errors by allocation id. report gives what is told of an allocation's
// steps; it is called for each before its drive, and may be called, as what it
// gives, from several goroutines. The end of ctx ends all drives, each as Drive
// says; if some were not begun then, an error under the empty id says so.
func (e *Engine) TakeOver(ctx context.Context, report func(core.Allocation) Report) ([]core.Allocation, map[string]error) {
	errs := map[string]error{}
	open, err := e.Ledger.Allocations(ctx, ledger.Filter{States: []core.State{
		core.Pending, core.Creating, core.Unsure, core.Releasing,
	}})
	if err == nil {
		open, err = e.halfAttached(ctx, open)
	}
	if err != nil {
		errs[""] = err
		return nil, errs
	}
	turns := make([]turn, len(open))
	var all errgroup.Group
	all.SetLimit(takeOvers)
	for i, a := range open {
		all.Go(func() error {
			turns[i] = e.takeOver(ctx, a, report)
			return nil
		})
	}
	_ = all.Wait() // errors are each allocation's own
	var taken []core.Allocation
	left := 0
	for i, t := range turns {
		switch {
		case t.late:
			left++
			continue
		case !t.had:
			continue
		case t.err != nil:
			errs[open[i].ID] = t.err
		}
		taken = append(taken, t.stands)
	}
	if left > 0 {
		errs[""] = notBegun(ctx, left)
	}
	return taken, errs
}

// halfAttached adds the allocations that have an attachment that somebody has to
// go on with, in their place.
func (e *Engine) halfAttached(ctx context.Context, open []core.Allocation) ([]core.Allocation, error) {
	pending, err := e.Ledger.Attachments(ctx, ledger.AttachmentFilter{Open: true})
	if err != nil {
		return nil, err
	}
	known := map[string]bool{"": true}
	for _, a := range open {
		known[a.ID] = true
	}
	n := len(open)
	for _, x := range pending {
		if known[x.Allocation] {
			continue
		}
		known[x.Allocation] = true
		a, err := e.Ledger.Allocation(ctx, x.Allocation)
		if err != nil {
			return nil, err
		}
		open = append(open, a)
	}
	if len(open) > n {
		slices.SortStableFunc(open, func(a, b core.Allocation) int { return b.CreatedAt.Compare(a.CreatedAt) })
	}
	return open, nil
}

// turn is what came of one allocation in a TakeOver.
type turn struct {
	stands core.Allocation
	err    error
	// had means that there was a turn: nobody else drives the allocation.
	had bool
	// late means that the context had ended before.
	late bool
}

// takeOver is Drive that leaves alone what another process drives.
func (e *Engine) takeOver(ctx context.Context, a core.Allocation, report func(core.Allocation) Report) turn {
	if ctx.Err() != nil {
		return turn{late: true}
	}
	unlock, err := e.Ledger.Lock(ctx, a.ID)
	switch {
	case core.KindOf(err) == core.Busy:
		return turn{}
	case err != nil && ctx.Err() != nil:
		return turn{late: true}
	case err != nil:
		return turn{stands: a, err: err, had: true}
	}
	defer unlock()
	d := &drive{Engine: e, id: a.ID, report: report(a)}
	now, err := d.run(ctx)
	return turn{stands: now, err: err, had: true}
}

// notBegun is the error of those that the context's end kept from their turn.
func notBegun(ctx context.Context, n int) *core.Error {
	what := fmt.Sprintf("%d more allocations were taken over", n)
	if n == 1 {
		what = "one more allocation was taken over"
	}
	e := &core.Error{Kind: core.Interrupted, Op: "take over", Text: "interrupted before " + what, Hint: "meson resume"}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		e.Kind, e.Text = core.Uncertain, "the time was up before "+what
	}
	return e
}
