package sdktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// offers asks for offers over the target's horizon.
func (e *Env) offers(ctx context.Context, p *pb.Pledge, limit uint32, id string) (offers []*pb.Offer, reasons []*pb.Reason, err error) {
	return e.offersFor(ctx, p, e.Target.ForHours, limit, id)
}

func (e *Env) offersFor(ctx context.Context, p *pb.Pledge, hours, limit uint32, id string) (offers []*pb.Offer, reasons []*pb.Reason, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	req := &pb.OfferRequest{Provider: providerName, Pledge: p, ForHours: hours, Limit: limit, OfferId: id}
	err = e.compute.Offer(ctx, req, func(r *pb.OfferResponse) error {
		offers, reasons = append(offers, r.GetOffers()...), append(reasons, r.GetReasons()...)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("offer: %w", err)
	}
	return offers, reasons, nil
}

func offersAreRight(ctx context.Context, e *Env) error {
	offers, _, err := e.offers(ctx, e.Target.Fits, 0, "")
	if err != nil {
		return err
	}
	list, err := e.Plugin.PriceList(ctx, providerName)
	if err != nil {
		return err
	}
	if len(offers) == 0 {
		return errors.New("nothing was offered for the pledge that fits")
	}
	var faults []error
	seen := map[string]bool{}
	for i, o := range offers {
		for _, err := range offerFaults(o, e.Target.Fits, list) {
			faults = append(faults, fmt.Errorf("offer %d, %q: %w", i+1, o.GetId(), err))
		}
		if seen[o.GetId()] {
			faults = append(faults, fmt.Errorf("offer %d: the id %q is another offer's", i+1, o.GetId()))
		}
		seen[o.GetId()] = true
	}
	return errors.Join(append(faults, orderFaults(list, pricing.Horizon(e.Target.ForHours), offers)...)...)
}

// orderFaults are offers that cannot be priced or are not in order.
func orderFaults(list *pricing.List, horizon pricing.Horizon, offers []*pb.Offer) (faults []error) {
	var last pricing.Money
	for i, o := range offers {
		q, err := sdk.QuoteOf(list, o.GetQuantities(), horizon)
		if err != nil {
			faults = append(faults, fmt.Errorf("offer %d, %q has no price: %w", i+1, o.GetId(), err))
			continue
		}
		if c, err := q.Total.Cmp(last); last.IsSet() && (err != nil || c < 0) {
			faults = append(faults, fmt.Errorf("offer %d, %q costs %v for %d h and comes after %v", i+1, o.GetId(), q.Total, horizon.Hours(), last))
		}
		last = q.Total
	}
	return faults
}

func offerFaults(o *pb.Offer, p *pb.Pledge, list *pricing.List) []error {
	var faults []error
	wrong := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if o.GetId() == "" || o.GetShape() == "" {
		wrong("id and shape: want both")
	}
	if o.GetVcpus() < p.GetSlots() {
		wrong("%d vCPUs for %d slots", o.GetVcpus(), p.GetSlots())
	}
	if o.GetMemoryMib() < p.GetMemoryMib() {
		wrong("%d MiB of memory, asked for were %d", o.GetMemoryMib(), p.GetMemoryMib())
	}
	if len(p.GetArchs()) > 0 && !slices.Contains(p.GetArchs(), o.GetArch()) {
		wrong("architecture %q, asked for was any of %v", o.GetArch(), p.GetArchs())
	}
	if o.GetPriceListRevision() != list.Revision {
		wrong("price list %q, the plugin's is %q", o.GetPriceListRevision(), list.Revision)
	}
	if !o.GetExpiresAt().IsValid() || !o.GetExpiresAt().AsTime().After(time.Now()) {
		wrong("it expires at %v: want a time to come", o.GetExpiresAt().AsTime())
	}
	if len(o.GetToken()) > 4<<10 {
		wrong("token of %d bytes: at most 4096", len(o.GetToken()))
	}
	return faults
}

func limitHolds(ctx context.Context, e *Env) error {
	all, _, err := e.offers(ctx, e.Target.Fits, 0, "")
	if err != nil {
		return err
	}
	one, _, err := e.offers(ctx, e.Target.Fits, 1, "")
	if err != nil {
		return err
	}
	if len(all) == 0 || len(one) != 1 {
		return fmt.Errorf("with limit 1: %d offers; without: %d", len(one), len(all))
	}
	if one[0].GetId() != all[0].GetId() {
		return fmt.Errorf("with limit 1 the offer is %q; without, the first is %q", one[0].GetId(), all[0].GetId())
	}
	return nil
}

func offerByID(ctx context.Context, e *Env) error {
	all, _, err := e.offers(ctx, e.Target.Fits, 0, "")
	if err != nil {
		return err
	}
	var faults []error
	for _, o := range all[:min(len(all), 5)] {
		again, _, err := e.offers(ctx, e.Target.Fits, 0, o.GetId())
		if err != nil {
			return err
		}
		if len(again) != 1 || again[0].GetId() != o.GetId() {
			faults = append(faults, fmt.Errorf("asked for %q: %d offers", o.GetId(), len(again)))
		}
	}
	none, _, err := e.offers(ctx, e.Target.Fits, 0, "no-such-offer")
	if err != nil || len(none) > 0 {
		faults = append(faults, fmt.Errorf("asked for an offer that does not exist: %d offers, error %w", len(none), err))
	}
	return errors.Join(faults...)
}

func noHasReasons(ctx context.Context, e *Env) error {
	offers, reasons, err := e.offers(ctx, e.Target.TooBig, 0, "")
	if err != nil {
		return err
	}
	if len(offers) > 0 {
		return fmt.Errorf("%d offers for the pledge that cannot be fulfilled, the first is %q", len(offers), offers[0].GetId())
	}
	if len(reasons) == 0 {
		return errors.New("no reason was given")
	}
	for _, r := range reasons {
		if r.GetText() == "" {
			return fmt.Errorf("reason without a text: %v", r)
		}
	}
	return nil
}
