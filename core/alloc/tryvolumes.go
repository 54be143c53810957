package alloc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
)

// reuse is the quote with the volumes that an earlier attempt made, where they
// fit: the machine reaches them, and they cost no more than what the quote would
// have made. misfit is one that does not, and is to be removed first. It is pure.
func reuse(q core.Quote, held ledger.Held) (fits core.Quote, misfit *core.VolumeRecord) {
	q.Volumes = slices.Clone(q.Volumes)
	for i := range held.Volumes {
		v := &held.Volumes[i]
		if v.State.Final() || v.Keep {
			continue
		}
		at := slices.IndexFunc(q.Volumes, func(c core.VolumeChoice) bool { return c.Index == v.Index && c.Quote != nil })
		if at < 0 || v.State != core.VolumeMade {
			return q, v
		}
		c := &q.Volumes[at]
		way, err := q.Consumer.Reach(v.Quote.Offer.Exposures)
		dearer, cmp := v.Quote.Price.Native().Cmp(c.Quote.Price.Native())
		if err != nil || cmp != nil || dearer > 0 {
			return q, v
		}
		bought := v.Quote
		c.Provider, c.Quote, c.Way = v.Provider, &bought, way
	}
	return q, nil
}

// askVolumesAgain is askAgain for the volumes of a quote, and gives the whole: of
// those that are to be made the offers are asked again, all at once, each by its
// own native price. machine is the quote of the machine as it stands now.
func (d *drive) askVolumesAgain(ctx context.Context, pledge core.Pledge, shown, machine core.Quote, held ledger.Held) (core.Quote, *core.Error) {
	choices := slices.Clone(shown.Volumes)
	refusals := make([]*core.Error, len(choices))
	done := make(chan int)
	for i := range choices {
		go func() {
			defer func() { done <- i }()
			c := &choices[i]
			if c.Quote == nil || volumeFor(held, c.Index) != nil {
				return
			}
			fresh, refusal := d.askVolumeAgain(ctx, pledge.Volumes[c.Index].Spec(), c.Name, *c.Quote, d.fresh)
			if refusal == nil {
				var err error
				if c.Way, err = machine.Consumer.Reach(fresh.Offer.Exposures); err != nil {
					refusal = &core.Error{Kind: core.Conflict, Op: "ask again", Subject: "volume " + c.Name, Err: err, Hint: "meson offers shows what there is now"}
				}
			}
			c.Quote, refusals[i] = &fresh, refusal
		}()
	}
	for range choices {
		<-done
	}
	for _, refusal := range refusals {
		if refusal != nil {
			return core.Quote{}, refusal
		}
	}
	whole, err := d.whole(ctx, shown, machine, choices)
	if err != nil {
		return core.Quote{}, &core.Error{Kind: core.Conflict, Op: "ask again", Subject: "offer " + shown.ID, Text: "it has no whole price now", Err: err}
	}
	return whole, nil
}

// whole is the machine with its volumes, shown in the currency that was shown.
func (d *drive) whole(ctx context.Context, shown, machine core.Quote, choices []core.VolumeChoice) (core.Quote, error) {
	var rates *pricing.Rates
	if d.Rates != nil {
		var err error
		if rates, err = d.Rates(ctx); err != nil {
			return core.Quote{}, err
		}
	}
	whole, err := machine.WithVolumes(choices, rates)
	if err != nil || shown.Price.FX == nil {
		return whole, err
	}
	quotes := []core.Quote{whole}
	market.Show(quotes, rates, shown.Price.Currency)
	return quotes[0], nil
}

// askVolumeAgain is a volume's quote as it stands now, and errs as askAgain does.
func (e *Engine) askVolumeAgain(ctx context.Context, spec core.VolumeSpec, name string, quote core.VolumeQuote, fresh bool) (core.VolumeQuote, *core.Error) {
	subject := fmt.Sprintf("volume %s: offer %s of %s", name, quote.ID, quote.Offer.Provider)
	fault := func(kind core.Kind, format string, args ...any) *core.Error {
		return &core.Error{Kind: kind, Op: "ask again", Subject: subject, Text: fmt.Sprintf(format, args...), Hint: "meson offers shows what there is now"}
	}
	if !fresh && !e.Now().Before(quote.Offer.ExpiresAt) {
		return quote, fault(core.Conflict, "it expired at %s", quote.Offer.ExpiresAt.UTC().Format("15:04:05Z"))
	}
	s, err := e.Storage(ctx, quote.Offer.Provider)
	if err != nil {
		return quote, core.AsError(err, subject)
	}
	answer := market.GatherVolumes(ctx, []market.Storage{s}, []core.VolumeAsk{{Spec: spec, OfferID: quote.Offer.ID}},
		core.VolumeQuery{Horizon: pricing.Horizon(quote.Price.ForHours)}, market.Options{}, nil)[0]
	offered := len(answer.Offers[0]) > 0
	quotes, reasons, err := e.PriceVolume(ctx, &answer, quote)
	if err != nil {
		return quote, core.AsError(err, subject)
	}
	for _, q := range quotes {
		if q.Offer.ID != quote.Offer.ID {
			continue
		}
		was, is := volumeText(quote.Offer), volumeText(q.Offer)
		more, err := q.Price.Native().Cmp(quote.Price.Native())
		switch {
		case q.Offer.QuoteOnly != "":
			return quote, fault(core.Denied, "quote only: %s", q.Offer.QuoteOnly)
		case was != is:
			return quote, fault(core.Conflict, "the volume changed from %s to %s", was, is)
		case err != nil:
			return quote, fault(core.Conflict, "the price changed: %v", err)
		case more > 0:
			return quote, fault(core.Conflict, "the price rose from %s to %s for %d h", quote.Price.Native(), q.Price.Native(), q.Price.ForHours)
		}
		return q, nil
	}
	why := make([]string, len(reasons))
	for i, r := range reasons {
		why[i] = r.Text
	}
	switch {
	case answer.Err != nil:
		return quote, answer.Err
	case offered:
		return quote, fault(core.Conflict, "it has no price now: %s", strings.Join(why, "; "))
	}
	refusal := fault(core.Exhausted, "%s", strings.Join(append([]string{"it is no longer offered"}, why...), "; "))
	refusal.Scope, refusal.Source = core.ScopeCapacity, core.SourceProvider
	return quote, refusal
}

// volumeText is what a buyer would notice a change of.
func volumeText(o core.VolumeOffer) string {
	return fmt.Sprintf("%d bytes of %q in %s/%s", o.SizeBytes, o.Tier, o.Region, o.Zone)
}
