// Package market asks: a pledge goes to every provider at once, and whatever
// each of them says, or fails to say, within its deadline comes back as one
// answer. One bad provider spoils nothing for the others.
package market

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// Provider is what the market needs of a provider. Methods are called
// concurrently.
type Provider interface {
	Name() string
	Plugin() string
	// Offer hands over offers and reasons as they come. What was handed over
	// before an error stands.
	Offer(ctx context.Context, pledge core.Pledge, query core.OfferQuery, emit func([]core.Offer, []core.Reason) error) error
	PriceList(ctx context.Context) (*pricing.List, error)
}

// Options bound what Gather does. The zero value is the default.
type Options struct {
	// ProviderDeadline is how long one provider may take, 20 s by default.
	ProviderDeadline time.Duration
	// Deadline is how long all of them may take, 30 s by default.
	Deadline time.Duration
	// MaxOffers is how many offers of one provider are kept, 100,000 by default;
	// the rest is a failure of that provider.
	MaxOffers int
}

func (o Options) filled() Options {
	if o.ProviderDeadline <= 0 {
		o.ProviderDeadline = 20 * time.Second
	}
	if o.Deadline <= 0 {
		o.Deadline = 30 * time.Second
	}
	if o.MaxOffers <= 0 {
		o.MaxOffers = 100_000
	}
	return o
}

// Gather asks every provider at once and returns one answer for each, in the
// order of the providers. onAnswer, if not nil, is told of each as it is
// complete, one at a time. Gather returns at the deadline even if a provider
// does not heed its context; what that one had said by then stands.
func Gather(ctx context.Context, providers []Provider, pledge core.Pledge, query core.OfferQuery, opts Options, onAnswer func(core.Answer)) []core.Answer {
	opts = opts.filled()
	ctx, cancel := context.WithTimeout(ctx, opts.Deadline)
	defer cancel()
	answers := make([]core.Answer, len(providers))
	var told sync.Mutex
	var all sync.WaitGroup
	for i, p := range providers {
		all.Go(func() {
			a := ask(ctx, p, pledge, query, opts)
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

// ask is one provider's answer, at its deadline at the latest.
func ask(ctx context.Context, p Provider, pledge core.Pledge, query core.OfferQuery, opts Options) core.Answer {
	start := time.Now()
	c := &collector{max: opts.MaxOffers, answer: core.Answer{Provider: p.Name(), Plugin: p.Plugin()}}
	err := within(ctx, opts.ProviderDeadline, func(ctx context.Context) error { return c.run(ctx, p, pledge, query) })
	a := c.close()
	a.Took = time.Since(start)
	if err != nil {
		a.Err = failure(err, p.Name(), a.Took)
	}
	return a
}

// collector gathers what one provider says until it is closed.
type collector struct {
	mu     sync.Mutex
	max    int
	closed bool
	answer core.Answer
}

var errClosed = errors.New("the answer came after the deadline")

func (c *collector) run(ctx context.Context, p Provider, pledge core.Pledge, query core.OfferQuery) error {
	// Prices are asked for along with the offers: the slower of the two decides.
	prices := make(chan error, 1)
	go func() {
		list, err := p.PriceList(ctx)
		if err == nil {
			err = list.Check()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil && !c.closed {
			c.answer.Prices = list
		}
		prices <- err
	}()
	offerErr := p.Offer(ctx, pledge, query, c.take)
	priceErr := <-prices
	if offerErr != nil {
		return offerErr
	}
	c.mu.Lock()
	offers := len(c.answer.Offers)
	c.mu.Unlock()
	if priceErr != nil && offers > 0 {
		return fmt.Errorf("price list: %w", priceErr)
	}
	return nil
}

func (c *collector) take(offers []core.Offer, reasons []core.Reason) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	if len(c.answer.Offers)+len(offers) > c.max || len(c.answer.Reasons)+len(reasons) > c.max {
		return core.Errorf(core.Internal, "more than %d offers or reasons in one answer", c.max)
	}
	c.answer.Offers = append(c.answer.Offers, offers...)
	for _, r := range reasons {
		r.Provider = c.answer.Provider
		c.answer.Reasons = append(c.answer.Reasons, r)
	}
	return nil
}

func (c *collector) close() core.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.answer
}

func failure(err error, provider string, took time.Duration) *core.Error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &core.Error{
			Kind: core.Unavailable, Op: "ask for offers", Subject: "provider " + provider,
			Text: fmt.Sprintf("no whole answer within %s", took.Round(100*time.Millisecond)),
			Hint: "meson provider test " + provider,
		}
	}
	if errors.Is(err, context.Canceled) {
		return &core.Error{Kind: core.Interrupted, Op: "ask for offers", Subject: "provider " + provider, Text: "interrupted"}
	}
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e
	}
	return &core.Error{Kind: core.Internal, Op: "ask for offers", Subject: "provider " + provider, Err: err}
}
