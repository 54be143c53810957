package market

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// GatherVolumes asks every storage provider at once for all the volumes: those
// that exist are looked for, of the others offers are asked. It is Gather for
// volumes: one answer for each provider, in their order, at the deadline at the
// latest. onAnswer, if not nil, is told of each, one at a time.
func GatherVolumes(ctx context.Context, providers []Storage, asks []core.VolumeAsk, query core.VolumeQuery, opts Options,
	onAnswer func(core.VolumeAnswer),
) []core.VolumeAnswer {
	opts = opts.filled()
	ctx, cancel := context.WithTimeout(ctx, opts.Deadline)
	defer cancel()
	answers := make([]core.VolumeAnswer, len(providers))
	var told sync.Mutex
	var all sync.WaitGroup
	for i, p := range providers {
		all.Go(func() {
			a := askVolumes(ctx, p, asks, query, opts)
			told.Lock()
			defer told.Unlock()
			answers[i] = a
			if onAnswer != nil {
				onAnswer(a)
			}
		})
	}
	all.Wait()
	return answers
}

func askVolumes(ctx context.Context, p Storage, asks []core.VolumeAsk, query core.VolumeQuery, opts Options) core.VolumeAnswer {
	start := time.Now()
	c := &volumeCollector{max: opts.MaxOffers, answer: core.VolumeAnswer{
		Provider: p.Name(), Plugin: p.Plugin(), Offers: map[int][]core.VolumeOffer{}, Found: map[int]core.Volume{},
	}}
	err := within(ctx, opts.ProviderDeadline, func(ctx context.Context) error { return c.run(ctx, p, asks, query) })
	a := c.close()
	a.Took = time.Since(start)
	switch {
	case core.KindOf(err) == core.Unsupported && len(a.Offers)+len(a.Found) == 0:
		a.NoStorage = true
	case err != nil:
		a.Err = failure(err, p.Name(), a.Took)
	}
	return a
}

// volumeCollector gathers what one storage provider says until it is closed.
type volumeCollector struct {
	mu     sync.Mutex
	max    int
	count  int
	closed bool
	answer core.VolumeAnswer
}

func (c *volumeCollector) run(ctx context.Context, p Storage, asks []core.VolumeAsk, query core.VolumeQuery) error {
	var all errgroup.Group
	errs := make([]error, len(asks))
	for i, ask := range asks {
		all.Go(func() error {
			errs[i] = c.ask(ctx, p, ask, query)
			return nil
		})
	}
	var priced error
	all.Go(func() error {
		list, err := p.PriceList(ctx)
		if err == nil {
			err = list.Check()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if priced = err; err == nil && !c.closed {
			c.answer.Prices = list
		}
		return nil
	})
	_ = all.Wait() // each has its own error
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	c.mu.Lock()
	offers := len(c.answer.Offers)
	c.mu.Unlock()
	if priced != nil && offers > 0 {
		return fmt.Errorf("price list: %w", priced)
	}
	return nil
}

func (c *volumeCollector) ask(ctx context.Context, p Storage, ask core.VolumeAsk, query core.VolumeQuery) error {
	if ask.VolumeID != "" {
		v, err := p.GetVolume(ctx, core.VolumeRef{ID: ask.VolumeID})
		if kind := core.KindOf(err); kind == core.NotFound || kind == core.Invalid { // no id of its making
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil && !c.closed {
			c.answer.Found[ask.Index] = v
		}
		return err
	}
	query.OfferID = ask.OfferID
	return p.OfferVolume(ctx, ask.Spec, query, func(offers []core.VolumeOffer, reasons []core.Reason) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.closed {
			return errClosed
		}
		if c.count += len(offers) + len(reasons); c.count > c.max {
			return core.Errorf(core.Internal, "more than %d offers or reasons in one answer", c.max)
		}
		if len(offers) > 0 {
			c.answer.Offers[ask.Index] = append(c.answer.Offers[ask.Index], offers...)
		}
		for _, r := range reasons {
			r.Provider = c.answer.Provider
			c.answer.Reasons = append(c.answer.Reasons, r)
		}
		return nil
	})
}

func (c *volumeCollector) close() core.VolumeAnswer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.answer
}

// within runs fn for so long at most. An fn that heeds its context has its last
// word; one that does not is left behind.
func within(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(100 * time.Millisecond):
		return ctx.Err()
	}
}

// VolumeQuotes are what could be had for the volumes that were asked for: those
// that exist as they were found, and every offer priced natively as Quotes does
// with the offers of machines. Of the operator's terms, fees of a fixed amount are
// left out: they are for machines. What has no whole price, or was refused before,
// becomes a reason.
func VolumeQuotes(answers []core.VolumeAnswer, p Pricing) ([]core.VolumeCandidate, []core.Reason) {
	var all []core.VolumeCandidate
	var reasons []core.Reason
	p.Terms = volumeTerms(p.Terms)
	for i := range answers {
		a := &answers[i]
		reasons = append(reasons, a.Reasons...)
		n := 0
		for _, offers := range a.Offers {
			n += len(offers)
		}
		price := p.by(a.Provider, a.Prices, n)
		for _, index := range slices.Sorted(maps.Keys(a.Found)) {
			found := a.Found[index]
			all = append(all, core.VolumeCandidate{Index: index, Provider: a.Provider, Plugin: a.Plugin, Found: &found})
		}
		for _, index := range slices.Sorted(maps.Keys(a.Offers)) {
			for _, o := range a.Offers[index] {
				if r, refused := refusedBy(p.Refusals, func(r core.Refusal) bool { return r.MatchesVolume(o, p.Begin) }); refused {
					r.Candidate, r.Want = strings.TrimSpace(o.Zone+" "+o.Tier), fmt.Sprintf("%d bytes", o.SizeBytes)
					reasons = append(reasons, r)
					continue
				}
				q, err := price.price(o.ListRevision, o.Quantities)
				if err != nil {
					reasons = append(reasons, core.Reason{
						Provider: a.Provider, Candidate: o.Zone, Field: "price", Want: "a price for every part", Have: err.Error(),
						Text: "no whole price of the volume: " + err.Error(),
					})
					continue
				}
				all = append(all, core.VolumeCandidate{
					Index: index, Provider: a.Provider, Plugin: a.Plugin, Quote: &core.VolumeQuote{ID: p.NewID(), Offer: o, Price: q},
				})
			}
		}
	}
	return all, reasons
}

// volumeTerms are terms without the operator's fees of a fixed amount.
func volumeTerms(terms map[string]pricing.Terms) map[string]pricing.Terms {
	operator, ok := terms[""]
	if !ok {
		return terms
	}
	terms = maps.Clone(terms)
	operator.Rules = slices.DeleteFunc(slices.Clone(operator.Rules), func(r pricing.Rule) bool { return r.Amount.IsSet() })
	terms[""] = operator
	return terms
}
