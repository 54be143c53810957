package kvm

import (
	"context"
	"strings"
	"time"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// hostPatience is how long one host may take to answer for its part of an
// offer, and share how much of the caller's time that may be.
const (
	hostPatience = 5 * time.Second
	patienceOf   = 0.8
)

// Offer asks all hosts at once and answers with what they said in time. A host
// that cannot be reached is a reason.
func (p *Provider) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	list, err := p.PriceList(ctx)
	if err != nil {
		return err
	}
	limited, cancel := patient(ctx)
	defer cancel()
	places := p.asked(req.GetOfferId())
	snapshots := make([]Snapshot, len(places))
	errs := everywhere(places, func(i int, at *place) error {
		host, err := at.look(limited, sight{detail: detailFor(req.GetPledge())})
		snapshots[i] = Snapshot{Site: at.Site, Host: host}
		return err
	})
	for i, err := range errs {
		if err != nil {
			snapshots[i].Err = failed("look at host", places[i], err, false)
			p.log.Debug("host gives no offer", "host", places[i].Zone, "error", hosts.Text(err))
		}
	}
	answer, err := Offers(p.config, list, snapshots, req, time.Now())
	if err != nil {
		return err
	}
	return send(answer)
}

// asked are the hosts that matter: of one offer its own, of any all.
func (p *Provider) asked(offer string) []*place {
	zone, _, _ := strings.Cut(offer, "/")
	if at := p.byZone[zone]; at != nil {
		return []*place{at}
	}
	return p.places
}

// PriceList is the configuration's. It is as of the time when the provider was
// opened with it.
func (p *Provider) PriceList(context.Context) (*pricing.List, error) {
	return p.config.PriceList(p.opened)
}

// patient is ctx, cut so that hosts that do not answer leave time to say so.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := hostPatience
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Duration(float64(time.Until(deadline))*patienceOf))
	}
	return context.WithTimeout(ctx, limit)
}
