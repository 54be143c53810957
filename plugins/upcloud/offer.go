package upcloud

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// offerLife is how long an offer stands.
const offerLife = 15 * time.Minute

// PriceList is the account's own, or the book's where there are no credentials.
func (p *Provider) PriceList(ctx context.Context) (*pricing.List, error) {
	s, err := p.shop(ctx)
	if err != nil {
		return nil, err
	}
	return s.list, nil
}

// shop is what is sold, and at what price.
func (p *Provider) shop(ctx context.Context) (*shop, error) {
	if p.api == nil {
		return p.listPrices, nil
	}
	s, err := p.shops.get(ctx)
	return s, failed("read what is sold", "", err, false)
}

// Offer answers with every size of server that fits, the cheapest first.
func (p *Provider) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	horizon, err := pricing.ParseHorizon(fmt.Sprintf("%dh", cmp.Or(req.GetForHours(), uint32(pricing.Month))))
	if err != nil {
		return sdk.InvalidFaults("read request", []sdk.Fault{
			{Path: "for_hours", Have: fmt.Sprint(req.GetForHours()), Want: "at most ten years", Text: err.Error()},
		})
	}
	a, reasons := p.config.askOf(req.GetPledge())
	q := &question{
		ask: a, horizon: horizon, limit: int(req.GetLimit()), offerID: req.GetOfferId(), reasons: reasons, now: p.now(),
		discontinued: p.config.Discontinued, spot: p.config.Spot, tier: p.config.StorageTier, provider: p.name,
	}
	if err := p.learn(ctx, q); err != nil {
		return err
	}
	answer, err := q.answer()
	if err != nil {
		return &sdk.Error{Kind: sdk.Internal, Op: "price offers", Source: sdk.SourcePlugin, Err: err}
	}
	return send(answer)
}

// learn finds out, at once, what a question needs to know. What limits the
// account is no reason to fail: not known is not no.
func (p *Provider) learn(ctx context.Context, q *question) error {
	if p.api == nil {
		q.shop = p.listPrices
		return nil
	}
	read, reading := errgroup.WithContext(ctx)
	read.Go(func() (err error) {
		q.shop, err = p.shop(reading)
		return err
	})
	read.Go(func() error {
		all, err := p.templates.get(reading)
		if err != nil {
			return failed("read templates", "", err, false)
		}
		boot, no := p.bootFor(q.ask.pledge, all)
		if no != nil {
			q.reasons = append(q.reasons, no)
		}
		q.boot = boot
		return nil
	})
	var ipv4 *int
	read.Go(func() error {
		if u, ok := optional(reading, p, "limits", &p.uses); ok {
			q.use = u
		}
		return nil
	})
	if q.ask.ipv4 {
		read.Go(func() error {
			if n, ok := optional(reading, p, "addresses", &p.ipv4s); ok {
				ipv4 = &n
			}
			return nil
		})
	}
	if len(q.ask.gpus) > 0 {
		read.Go(func() error {
			q.stock, _ = optional(reading, p, "stock", &p.stocks)
			return nil
		})
	}
	if len(q.ask.networks) > 0 {
		read.Go(func() (err error) {
			q.networks, err = p.networks.get(reading)
			return failed("read networks", "", err, false)
		})
	}
	if err := read.Wait(); err != nil {
		return err
	}
	q.use = q.use.with("public_ipv4", ipv4)
	return nil
}

const (
	// patience is how long an offer waits for what it can do without, and
	// patienceOf how much of the caller's time that may be.
	patience   = 5 * time.Second
	patienceOf = 0.5
)

// optional is what is kept, or nothing where it cannot be read in time. What is
// then still being read is there for the next one.
func optional[T any](ctx context.Context, p *Provider, what string, c *cached[T]) (T, bool) {
	limit := patience
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Duration(float64(time.Until(deadline))*patienceOf))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	v, err := c.get(ctx)
	if err != nil {
		p.log.Debug(what+" not known", "because", err)
	}
	return v, err == nil
}
