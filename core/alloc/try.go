package alloc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
)

// try asks the placement's quote of the given index again and records an
// attempt at it: an intended one, or a refused one if the offer does not stand.
// Volumes that an earlier attempt made are used again where they fit the quote;
// others are to be removed first.
func (d *drive) try(ctx context.Context, a core.Allocation, index int, held ledger.Held) error {
	quote, misfit := reuse(a.Placement.Quotes[index], held)
	if misfit != nil {
		_, err := d.volumes().undoing(ctx, *misfit, nil)
		return err
	}
	attempt := core.Attempt{
		Allocation: a.ID, Number: index + 1, Quote: quote, State: core.AttemptIntended,
		CreatedAt: d.Now().UTC(), UpdatedAt: d.Now().UTC(),
	}
	key := a.ID + "-vm-" + strconv.Itoa(attempt.Number)
	attempt.Owner = core.Owner{Broker: d.Ledger.ID(), Allocation: a.ID, Key: key}
	attempt.Owner.Request = d.Ledger.Hash([]byte(a.PledgeHash + "\n" + a.Name + "\n" + quote.Provider + "\n" + quote.Zone + "\n" + quote.Offer.ID + "\n" + key))

	fresh, refusal := d.askAgain(ctx, a.Pledge, quote)
	if refusal == nil && len(quote.Volumes) > 0 {
		fresh, refusal = d.askVolumesAgain(ctx, a.Pledge, quote, fresh, held)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case refusal == nil:
		attempt.Quote = fresh
		return d.record(ctx, attempt, "create.intended", fmt.Sprintf("allocating %s at %s %s", quote.Shape, quote.Provider, quote.Zone))
	case refusal.Kind == core.Conflict && index == 0 && d.fresh:
		d.outcome = refusal
		return d.abandon(ctx, refusal.Text)
	}
	attempt.State, attempt.Error = core.AttemptRefused, refusal
	return d.record(ctx, attempt, "offer.refused", fmt.Sprintf("%s %s: %s", quote.Provider, quote.Zone, refusal.Text))
}

// record adds an attempt with the event that says so.
func (d *drive) record(ctx context.Context, t core.Attempt, step, text string) error {
	ev := d.event(d.id, step, text)
	ev.Attempt = t.Number
	if err := d.Ledger.AddAttempt(ctx, t, ev); err != nil {
		return err
	}
	d.Step(step + ".committed")
	d.tell(step, text, 0)
	return nil
}

// abandon records that no further offer is tried.
func (d *drive) abandon(ctx context.Context, why string) error {
	_, err := d.Ledger.Change(context.WithoutCancel(ctx), d.id, d.event(d.id, "abandoned", why), func(a *core.Allocation) error {
		a.Abandoned, a.Message = true, why
		return nil
	})
	if err != nil {
		return err
	}
	d.Step("abandoned.committed")
	d.tell("abandoned", why, 0)
	return nil
}

// askAgain is the quote as it stands now. It errs with
//
//   - Conflict where the machine differs, its native price is higher, or it has no
//     price that may be used;
//   - Exhausted where it is no longer offered;
//   - Denied where it can only be quoted now;
//   - the provider's own error where it cannot be asked;
//   - Conflict where this process did not begin the allocation and the quote has
//     expired: nobody has seen the new one.
func (d *drive) askAgain(ctx context.Context, pledge core.Pledge, quote core.Quote) (core.Quote, *core.Error) {
	subject := fmt.Sprintf("offer %s of %s", quote.ID, quote.Provider)
	fault := func(kind core.Kind, format string, args ...any) *core.Error {
		return &core.Error{Kind: kind, Op: "ask again", Subject: subject, Text: fmt.Sprintf(format, args...), Hint: "meson offers shows what there is now"}
	}
	if !d.fresh && !d.Now().Before(quote.ExpiresAt) {
		return core.Quote{}, fault(core.Conflict, "it expired at %s", quote.ExpiresAt.UTC().Format("15:04:05Z"))
	}
	p, err := d.Provider(ctx, quote.Provider)
	if err != nil {
		return core.Quote{}, core.AsError(err, subject)
	}
	answer := market.Gather(ctx, []market.Provider{p}, pledge.BootingFrom(quote.Volumes), core.OfferQuery{
		Horizon: pricing.Horizon(quote.Price.ForHours), OfferID: quote.Offer.ID,
	}, market.Options{}, nil)[0]
	offered := slices.ContainsFunc(answer.Offers, func(o core.Offer) bool { return o.ID == quote.Offer.ID })
	fresh, reasons, err := d.Price(ctx, &answer, quote)
	if err != nil {
		return core.Quote{}, core.AsError(err, subject)
	}
	for _, q := range fresh {
		if q.Offer.ID == quote.Offer.ID {
			return q, changed(quote, q, fault)
		}
	}
	why := make([]string, len(reasons))
	for i, r := range reasons {
		why[i] = r.Text
	}
	switch {
	case answer.Err != nil:
		return core.Quote{}, answer.Err
	case offered:
		return core.Quote{}, fault(core.Conflict, "it has no price now: %s", strings.Join(why, "; "))
	}
	e := fault(core.Exhausted, "%s", strings.Join(append([]string{"it is no longer offered"}, why...), "; "))
	e.Scope, e.Source = core.ScopeCapacity, core.SourceProvider
	return core.Quote{}, e
}

// changed binds: nil for the same machine at the same native price or a lower one.
// How much of another currency that is today changes nothing.
func changed(was, is core.Quote, fault func(core.Kind, string, ...any) *core.Error) *core.Error {
	if is.QuoteOnly != "" {
		return fault(core.Denied, "quote only: %s", is.QuoteOnly)
	}
	if before, now := machine(was.Offer), machine(is.Offer); before != now {
		return fault(core.Conflict, "the machine changed from %s to %s", before, now)
	}
	before := was.Price
	if was.Machine != nil {
		before = *was.Machine
	}
	more, err := is.Price.Native().Cmp(before.Native())
	if err != nil {
		return fault(core.Conflict, "the price changed: %v", err)
	}
	if more > 0 {
		return fault(core.Conflict, "the price rose from %s to %s for %d h", money(before), money(is.Price), is.Price.ForHours)
	}
	return nil
}

// money is what binds, exactly, and what was shown of it.
func money(p pricing.Quote) string {
	if p.FX == nil {
		return p.Native().String()
	}
	return fmt.Sprintf("%s (%s %s)", p.Native(), p.Total.Round(4), p.Currency)
}

// machine is what a buyer would notice a change of.
func machine(o core.Offer) string {
	return fmt.Sprintf("%s in %s/%s with %d vCPUs of %s and %d MiB", o.Shape, o.Region, o.Zone, o.VCPUs, o.Arch, o.MemoryMiB)
}
