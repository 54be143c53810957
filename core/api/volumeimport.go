package api

import (
	"context"
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// ImportVolume implements [Broker]. The bytes can be sent once: whoever takes an
// import over adopts what was made of them, and never sends another request.
func (m *Meson) ImportVolume(ctx context.Context, req ImportVolumeRequest) (VolumeInfo, error) {
	quotes, err := m.volumeQuotes(ctx, "import volume", req.CreateVolumeRequest, "")
	if err != nil {
		return VolumeInfo{}, err
	}
	q := quotes[0]
	if req.DryRun {
		return m.inCurrency(ctx, notMade(req.CreateVolumeRequest, q, m.Ledger.ID()), req.Policy.Currency), nil
	}
	p, err := m.provider(ctx, q.Offer.Provider)
	if err != nil {
		return VolumeInfo{}, err
	}
	id := ledger.NewID()
	unlock, err := m.Ledger.Lock(ctx, id)
	if err != nil {
		return VolumeInfo{}, err
	}
	defer unlock()
	now := m.Now().UTC()
	record := core.VolumeRecord{
		ID: id, Name: req.Name, Provider: q.Offer.Provider, Owner: m.owner(id, id+"-import", q.Offer.Provider+"\n"+q.Offer.ID+"\n"+req.Name),
		Spec: req.Spec, Quote: q, State: core.VolumeIntended, Keep: true, CreatedAt: now, UpdatedAt: now,
	}
	record.Quote.Offer.ExpiresAt = now
	what := fmt.Sprintf("%s at %s, of a file", req.Name, q.Offer.Provider)
	if err := m.Ledger.AddVolumes(ctx, []core.VolumeRecord{record}, core.Event{Time: now, Step: "volume.import.intended", Text: what}); err != nil {
		return VolumeInfo{}, err
	}
	v, err := p.ImportVolume(ctx, core.VolumeImport{
		Owner: record.Owner, Name: req.Name, Spec: req.Spec, Offer: q.Offer, Format: req.Format, SHA256: req.SHA256,
	}, req.Data)
	if err == nil {
		v, err = m.available(ctx, p, v, req.Progress)
	}
	info, err := m.imported(ctx, record, v, err)
	return m.inCurrency(ctx, info, req.Policy.Currency), err
}

// imported records how an import ended. What ended in doubt, or was made and
// failed, is left to be removed; a later take-over finishes that.
func (m *Meson) imported(ctx context.Context, record core.VolumeRecord, v core.Volume, failed error) (VolumeInfo, error) {
	ctx = context.WithoutCancel(ctx)
	ev := core.Event{Time: m.Now().UTC(), Step: "volume.import.done", Text: v.ID}
	state := core.VolumeMade
	switch kind := core.KindOf(failed); {
	case failed == nil:
	case v.ID == "" && definite(kind):
		state, ev.Step, ev.Text = core.VolumeRefused, "volume.import.refused", failed.Error()
	default:
		state, ev.Step, ev.Text = core.VolumeUndoing, "volume.import.failed", failed.Error()
	}
	record, err := m.Ledger.ChangeVolume(ctx, record.ID, ev, func(r *core.VolumeRecord) error {
		r.State, r.VolumeID = state, v.ID
		if failed != nil {
			r.Error = core.AsError(failed, "provider "+r.Provider)
		} else {
			r.Spec.SizeBytes = max(v.SizeBytes, r.Spec.SizeBytes)
		}
		return nil
	})
	switch {
	case failed != nil && state == core.VolumeUndoing:
		return recordInfo(record), failed
	case failed != nil:
		return VolumeInfo{}, failed
	case err != nil:
		return recordInfo(record), err
	}
	return m.info(ctx, v)
}

// definite reports whether an error of an import promises that nothing is left:
// besides the kinds that do for every making, an import that was cut off.
func definite(k core.Kind) bool {
	switch k {
	case core.Exhausted, core.Invalid, core.Denied, core.Unsupported, core.Conflict, core.Interrupted:
		return true
	}
	return false
}

// volumeAsker is what available needs of a provider.
type volumeAsker interface {
	GetVolume(ctx context.Context, ref core.VolumeRef) (core.Volume, error)
}

// available waits until a volume that was begun is whole.
func (m *Meson) available(ctx context.Context, p volumeAsker, v core.Volume, progress func(Progress)) (core.Volume, error) {
	begun := m.Now()
	for {
		switch v.State {
		case core.VolumeFailed, core.VolumeGone, core.VolumeDeleting:
			return v, &core.Error{
				Kind: core.Internal, Op: "make volume", Subject: v.Provider + "/" + v.ID, Source: core.SourceProvider, Text: fmt.Sprintf("it is %s: %s", v.State, v.Message),
			}
		case core.VolumeAvailable, core.VolumeInUse:
			return v, nil
		case core.VolumeCreating:
		}
		if progress != nil {
			progress(Progress{Name: v.Name, Step: "volume." + v.Progress.Step, Text: v.Progress.Text, Percent: v.Progress.Percent, Since: m.Now().Sub(begun)})
		}
		if !sleep(ctx, powerPoll) {
			return v, &core.Error{Kind: core.Uncertain, Op: "make volume", Subject: v.Provider + "/" + v.ID, Text: "it is still being made", Hint: "meson volume show " + v.ID}
		}
		now, err := p.GetVolume(ctx, core.VolumeRef{ID: v.ID})
		if err != nil {
			return v, err
		}
		v = now
	}
}
