package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// CreateVolume implements [Broker].
func (m *Meson) CreateVolume(ctx context.Context, req CreateVolumeRequest) (VolumeInfo, error) {
	quotes, err := m.volumeQuotes(ctx, "create volume", req, "")
	if err != nil {
		return VolumeInfo{}, err
	}
	if req.DryRun {
		return m.inCurrency(ctx, notMade(req, quotes[0], m.Ledger.ID()), req.Policy.Currency), nil
	}
	info, err := m.createVolume(ctx, req, quotes)
	return m.inCurrency(ctx, info, req.Policy.Currency), err
}

// inCurrency shows what a volume was bought at in a currency, where that is set
// and has a rate.
func (m *Meson) inCurrency(ctx context.Context, v VolumeInfo, currency string) VolumeInfo {
	if currency == "" || v.Quote == nil {
		return v
	}
	rates, _, err := m.rates(ctx)
	if err != nil {
		return v
	}
	if price, err := rates.Convert(v.Quote.Price, currency); err == nil {
		shown := *v.Quote
		shown.Price = price
		v.Quote = &shown
	}
	return v
}

// CloneVolume implements [Broker].
func (m *Meson) CloneVolume(ctx context.Context, req CloneVolumeRequest) (VolumeInfo, error) {
	v, err := m.volume(ctx, req.From)
	if err != nil {
		return VolumeInfo{}, err
	}
	origin, held := core.VolumeOrigin{Volume: v.ID}, v.SizeBytes
	if req.Snapshot != "" {
		_, s, err := m.snapshot(ctx, v.Provider+"/"+v.ID, req.Snapshot)
		if err != nil {
			return VolumeInfo{}, err
		}
		origin, held = core.VolumeOrigin{Snapshot: s.ID}, cmp.Or(s.SizeBytes, held)
	}
	spec := v.VolumeSpec
	spec.SizeBytes = cmp.Or(req.SizeBytes, held)
	spec.ReadOnly = false
	if spec.SizeBytes < held {
		return VolumeInfo{}, &core.Error{
			Kind: core.Invalid, Op: "clone volume", Subject: v.Provider + "/" + v.ID, Text: fmt.Sprintf("it holds %d bytes, and %d are asked for", held, spec.SizeBytes),
		}
	}
	policy := req.Policy
	policy.Provider = v.Provider
	create := CreateVolumeRequest{
		Name: req.Name, Spec: spec, Origin: origin, Horizon: req.Horizon, Policy: policy, DryRun: req.DryRun, Progress: req.Progress,
	}
	quotes, err := m.volumeQuotes(ctx, "clone volume", create, v.Zone)
	if err != nil {
		return VolumeInfo{}, err
	}
	if req.DryRun {
		return notMade(create, quotes[0], m.Ledger.ID()), nil
	}
	return m.createVolume(ctx, create, quotes)
}

// volumeQuotes are those that can be bought, best first, of one zone alone if it
// is set; NoOffer, with all reasons, where there is none.
func (m *Meson) volumeQuotes(ctx context.Context, op string, req CreateVolumeRequest, zone string) ([]core.VolumeQuote, error) {
	if err := checkVolumeName(op, req.Name); err != nil {
		return nil, err
	}
	native, r, err := m.rankVolumes(ctx, VolumeOffersRequest{Spec: req.Spec, Horizon: req.Horizon, Policy: req.Policy})
	if err != nil {
		return nil, err
	}
	quotes := filter(native, func(q core.VolumeQuote) bool {
		return q.Offer.QuoteOnly == "" && (zone == "" || q.Offer.Zone == zone)
	})
	if len(quotes) > 0 {
		return quotes, nil
	}
	res := r.base
	for _, q := range native {
		text := "quote only: " + q.Offer.QuoteOnly
		if q.Offer.QuoteOnly == "" {
			text = "it is in zone " + q.Offer.Zone + ", and the other volume in " + zone
		}
		res.Reasons = append(res.Reasons, core.Reason{Provider: q.Offer.Provider, Candidate: q.Offer.Zone, Text: text})
	}
	e := noOffer(res)
	if ce, ok := errors.AsType[*core.Error](e); ok {
		ce.Op = op
	}
	return nil, e
}

// createVolume makes a volume of the first quote that is not refused for want of
// room.
func (m *Meson) createVolume(ctx context.Context, req CreateVolumeRequest, quotes []core.VolumeQuote) (VolumeInfo, error) {
	var refused []core.Fault
	begun := m.Now()
	for i, q := range quotes {
		order := alloc.VolumeOrder{ID: ledger.NewID(), Name: req.Name, Spec: req.Spec, Origin: req.Origin, Quote: q}
		record, err := m.engine.CreateVolume(ctx, order, m.volumeReporter(begun, req.Name, req.Progress))
		switch {
		case err == nil:
			return m.madeVolume(ctx, record)
		case core.KindOf(err) != core.Exhausted || i == len(quotes)-1:
			if e, ok := errors.AsType[*core.Error](err); ok && len(refused) > 0 {
				named := *e
				named.Faults = append(slices.Clone(e.Faults), refused...)
				err = &named
			}
			if record.ID == "" || record.State.Final() {
				return VolumeInfo{}, err
			}
			return recordInfo(record), err
		}
		refused = append(refused, core.Fault{Path: q.Offer.Provider + " " + q.Offer.Zone, Text: err.Error()})
	}
	return VolumeInfo{}, core.Errorf(core.Internal, "no quote was tried")
}

// madeVolume is a volume that was just made, as its provider has it.
func (m *Meson) madeVolume(ctx context.Context, record core.VolumeRecord) (VolumeInfo, error) {
	p, err := m.provider(ctx, record.Provider)
	if err != nil {
		return recordInfo(record), err
	}
	v, err := p.GetVolume(ctx, record.Ref())
	if err != nil {
		// It is there: that it cannot be looked at just now changes nothing.
		m.Log.Warn("a volume was made, and not looked at again", "provider", record.Provider, "volume", record.VolumeID, "error", err)
		return recordInfo(record), nil
	}
	return m.info(ctx, v)
}

// notMade is what a dry run would have made.
func notMade(req CreateVolumeRequest, q core.VolumeQuote, broker string) VolumeInfo {
	spec := req.Spec
	spec.SizeBytes = max(spec.SizeBytes, q.Offer.SizeBytes)
	return VolumeInfo{
		Volume: core.Volume{
			Provider: q.Offer.Provider, Name: req.Name, State: core.VolumeCreating, VolumeSpec: spec, Region: q.Offer.Region, Zone: q.Offer.Zone,
			Tier: q.Offer.Tier, Uses: []core.VolumeUse{}, Exposures: q.Offer.Exposures, Owner: core.Owner{Broker: broker},
		},
		Ours: true, Quote: &q,
	}
}

// RemoveVolume implements [Broker].
func (m *Meson) RemoveVolume(ctx context.Context, req VolumeRequest) (VolumeInfo, error) {
	places, err := m.places(ctx, req.Volume)
	if err != nil {
		return VolumeInfo{}, err
	}
	if len(places) > 1 { // none is removed because another one is older
		return VolumeInfo{}, several("volume "+req.Volume, places)
	}
	v := places[0]
	info, err := m.info(ctx, v.Volume)
	switch {
	case err != nil:
		return info, err
	case len(v.Uses) > 0:
		return info, m.inUse(ctx, "remove volume", v)
	case v.Lock != nil:
		return info, &core.Error{
			Kind: core.Busy, Op: "remove volume", Subject: v.Provider + "/" + v.ID, Text: fmt.Sprintf("%s has locked it", cmp.Or(v.Lock.Holder, "somebody")),
			Hint: "meson volume unlock " + v.ID,
		}
	case req.DryRun:
		return info, nil
	}
	target, err := m.target(ctx, v)
	if err != nil {
		return info, err
	}
	if err := m.engine.RemoveVolume(ctx, target, m.volumeReporter(m.Now(), v.Name, req.Progress)); err != nil {
		return info, err
	}
	info.State, info.Uses = core.VolumeGone, []core.VolumeUse{}
	return info, nil
}

// target is a volume as the engine names it: with its record, if this ledger made
// it.
func (m *Meson) target(ctx context.Context, v found) (alloc.VolumeTarget, error) {
	t := alloc.VolumeTarget{Provider: v.Provider, VolumeID: v.ID, Name: v.Name}
	records, err := m.Ledger.Volumes(ctx, ledger.VolumeFilter{Provider: v.Provider, VolumeID: v.ID})
	for _, r := range records {
		if !r.Foreign {
			t.Record = r.ID
		}
	}
	return t, err
}

// volumeReporter tells of the steps of one volume since a time: they are no
// allocation's.
func (m *Meson) volumeReporter(begun time.Time, name string, progress func(Progress)) alloc.Report {
	return m.reporter(begun, core.Allocation{Name: name}, progress)
}

// ResumeVolumes implements [Broker].
func (m *Meson) ResumeVolumes(ctx context.Context, progress func(Progress)) ([]VolumeInfo, error) {
	begun, tell := m.Now(), oneAtATime(progress)
	taken, errs := m.engine.TakeOverVolumes(ctx, func(_, name string) alloc.Report { return m.volumeReporter(begun, name, tell) })
	list := make([]VolumeInfo, 0, len(taken))
	for _, r := range taken {
		list = append(list, recordInfo(r))
	}
	return list, joined(errs)
}
