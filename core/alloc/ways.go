package alloc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// ways asks for the way to each volume of an attempt, several at once. The attempt
// is given up with one that is refused.
func (d *drive) ways(ctx context.Context, a core.Allocation, t core.Attempt, held ledger.Held) (all []core.Attachment, given bool, err error) {
	var wanted []core.AttachmentRecord
	for _, x := range held.Attachments {
		if x.Attempt == t.Number {
			wanted = append(wanted, x)
		}
	}
	slices.SortFunc(wanted, func(x, y core.AttachmentRecord) int { return cmp.Compare(x.Index, y.Index) })
	found, refusals, errs := make([]core.Export, len(wanted)), make([]*core.Error, len(wanted)), make([]error, len(wanted))
	var stop atomic.Bool
	var asked errgroup.Group
	asked.SetLimit(atOnce)
	for i, x := range wanted {
		asked.Go(func() error {
			if stop.Load() || ctx.Err() != nil {
				return nil
			}
			found[i], refusals[i], errs[i] = d.exports().export(ctx, x)
			if refusals[i] != nil || errs[i] != nil {
				stop.Store(true)
			}
			return nil
		})
	}
	_ = asked.Wait() // each has its own end
	d.Step("exports.answered")
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	for i, refusal := range refusals {
		if refusal != nil {
			return nil, true, d.giveUpWay(ctx, a, t, wanted[i], refusal)
		}
	}
	for i, err := range errs {
		if err != nil {
			return nil, false, d.unsure(ctx, t, core.AsError(err, "volume "+wanted[i].Name))
		}
		all = append(all, attachmentOf(wanted[i], found[i]))
	}
	return all, false, nil
}

// giveUpWay gives an attempt up for want of a way to a volume. A volume that
// somebody else has is waited for once, and one that is not to be written to here is
// asked for once: where all offers that are left need it, none of them is tried.
func (d *drive) giveUpWay(ctx context.Context, a core.Allocation, t core.Attempt, x core.AttachmentRecord, refusal *core.Error) error {
	named := *refusal
	named.Text = fmt.Sprintf("volume %s: %s", x.Name, refusal.Text)
	if err := d.giveUp(ctx, t, &named); err != nil {
		return err
	}
	left := a.Placement.Quotes[min(t.Number, len(a.Placement.Quotes)):]
	its := refusal.Kind == core.Busy || refusal.Kind == core.Conflict || refusal.Kind == core.Unavailable
	if !its || x.Volume != "" || len(left) == 0 || slices.ContainsFunc(left, func(q core.Quote) bool { return !needs(q, x) }) {
		return nil
	}
	return d.abandon(ctx, named.Text+"; all other offers need it too")
}

// needs reports whether a quote is of a machine with the same volume of the same
// place.
func needs(q core.Quote, x core.AttachmentRecord) bool {
	return slices.ContainsFunc(q.Volumes, func(c core.VolumeChoice) bool {
		return c.Quote == nil && c.Provider == x.Provider && c.VolumeID == x.VolumeID && c.ReadOnly == x.ReadOnly
	})
}
