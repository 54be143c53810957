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

func (e *Env) volumeOffers(ctx context.Context, s *pb.VolumeSpec, hours, limit uint32, id string, consumable ...pb.ConnectionKind) (offers []*pb.VolumeOffer, reasons []*pb.Reason, err error) {
	if s == nil {
		return nil, nil, ErrSkip // the target names no volume
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	req := &pb.OfferVolumeRequest{Provider: providerName, Spec: s, ForHours: hours, Limit: limit, OfferId: id, Consumable: consumable}
	err = e.storage.OfferVolume(ctx, req, func(r *pb.OfferVolumeResponse) error {
		offers, reasons = append(offers, r.GetOffers()...), append(reasons, r.GetReasons()...)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("offer volume: %w", err)
	}
	return offers, reasons, nil
}

func volumeOffersAreRight(ctx context.Context, e *Env) error {
	list, err := e.prices(ctx, providerName)
	if err != nil {
		return err
	}
	var faults []error
	for _, hours := range []uint32{e.Target.ForHours, 2, 8760} {
		offers, _, err := e.volumeOffers(ctx, e.Target.Volume, hours, 0, "")
		if err != nil {
			return err
		}
		if len(offers) == 0 {
			return errors.New("nothing was offered for the volume that fits")
		}
		seen := map[string]bool{}
		var last pricing.Money
		for i, o := range offers {
			wrong := func(format string, args ...any) {
				faults = append(faults, fmt.Errorf("for %d h, offer %d, %q: %w", hours, i+1, o.GetId(), fmt.Errorf(format, args...)))
			}
			if seen[o.GetId()] {
				wrong("the id is another offer's")
			}
			seen[o.GetId()] = true
			for _, err := range volumeOfferFaults(o, e.Target.Volume, list) {
				wrong("%w", err)
			}
			q, err := sdk.QuoteOf(list, o.GetQuantities(), pricing.Horizon(hours))
			if err != nil {
				wrong("it has no price: %w", err)
				continue
			}
			if c, err := q.Total.Cmp(last); last.IsSet() && (err != nil || c < 0) {
				wrong("it costs %v and comes after %v", q.Total, last)
			}
			last = q.Total
		}
	}
	return errors.Join(faults...)
}

func volumeOfferFaults(o *pb.VolumeOffer, s *pb.VolumeSpec, list *pricing.List) (faults []error) {
	wrong := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if o.GetId() == "" {
		wrong("it has no id")
	}
	if o.GetSizeBytes() < s.GetSizeBytes() {
		wrong("%d bytes, asked for were %d", o.GetSizeBytes(), s.GetSizeBytes())
	}
	if f := o.GetFormat(); f != "" && s.GetFormat() != "" && f != s.GetFormat() {
		wrong("its format is %s, asked for was %s", f, s.GetFormat())
	}
	if len(o.GetExports()) == 0 {
		wrong("there is no way to reach it")
	}
	for _, x := range o.GetExposures() {
		switch {
		case !slices.Contains(o.GetExports(), x.GetKind()):
			wrong("it is exposed by %s, which is not among its exports", sdk.KindName(x.GetKind()))
		case x.GetKind() == pb.ConnectionKind_CONNECTION_KIND_FILE && x.GetHost() == "":
			wrong("a file of which nobody knows the host")
		case x.GetKind() == pb.ConnectionKind_CONNECTION_KIND_NATIVE && x.GetProvider() == "":
			wrong("native without a provider")
		}
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

func volumeLimitHolds(ctx context.Context, e *Env) error {
	all, _, err := e.volumeOffers(ctx, e.Target.Volume, e.Target.ForHours, 0, "")
	if err != nil {
		return err
	}
	one, _, err := e.volumeOffers(ctx, e.Target.Volume, e.Target.ForHours, 1, "")
	if err != nil {
		return err
	}
	if len(all) == 0 || len(one) != 1 || one[0].GetId() != all[0].GetId() {
		return fmt.Errorf("with limit 1: %d offers, without %d; or the first is another", len(one), len(all))
	}
	var faults []error
	for _, o := range all[:min(len(all), 5)] {
		again, _, err := e.volumeOffers(ctx, e.Target.Volume, e.Target.ForHours, 0, o.GetId())
		if err != nil || len(again) != 1 || again[0].GetId() != o.GetId() {
			faults = append(faults, fmt.Errorf("asked for %q: %d offers, error %w", o.GetId(), len(again), err))
		}
	}
	none, _, err := e.volumeOffers(ctx, e.Target.Volume, e.Target.ForHours, 0, "no-such-offer")
	if err != nil || len(none) > 0 {
		faults = append(faults, fmt.Errorf("asked for an offer that does not exist: %d offers, error %w", len(none), err))
	}
	return errors.Join(faults...)
}

func volumeNoHasReasons(ctx context.Context, e *Env) error {
	var faults []error
	no := func(what string, offers []*pb.VolumeOffer, reasons []*pb.Reason, err error) {
		if err != nil || len(offers) > 0 || len(reasons) == 0 {
			faults = append(faults, fmt.Errorf("%s: %d offers and %d reasons, error %w; want a reason", what, len(offers), len(reasons), err))
		}
		for _, r := range reasons {
			if r.GetText() == "" {
				faults = append(faults, fmt.Errorf("%s: a reason without a text: %v", what, r))
			}
		}
	}
	if e.Target.VolumeTooBig != nil {
		offers, reasons, err := e.volumeOffers(ctx, e.Target.VolumeTooBig, e.Target.ForHours, 0, "")
		no("the volume that is too big", offers, reasons, err)
	}
	all, _, err := e.volumeOffers(ctx, e.Target.Volume, e.Target.ForHours, 0, "")
	if err != nil {
		return err
	}
	for k := range pb.ConnectionKind_name {
		kind := pb.ConnectionKind(k)
		used := slices.ContainsFunc(all, func(o *pb.VolumeOffer) bool { return slices.Contains(o.GetExports(), kind) })
		if kind == pb.ConnectionKind_CONNECTION_KIND_UNSPECIFIED || used {
			continue
		}
		offers, reasons, err := e.volumeOffers(ctx, e.Target.Volume, e.Target.ForHours, 0, "", kind)
		no("for a machine that takes "+sdk.KindName(kind)+" alone", offers, reasons, err)
	}
	return errors.Join(faults...)
}
