package api

import (
	"context"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
)

// volumeEngine is what of the engine is about volumes.
type volumeEngine interface {
	CreateVolume(ctx context.Context, order alloc.VolumeOrder, report alloc.Report) (core.VolumeRecord, error)
	RemoveVolume(ctx context.Context, target alloc.VolumeTarget, report alloc.Report) error
	Attach(ctx context.Context, order alloc.AttachOrder, report alloc.Report) (core.AttachmentRecord, error)
	Detach(ctx context.Context, attachment string, force bool, report alloc.Report) error
	Map(ctx context.Context, order alloc.MapOrder, report alloc.Report) (core.AttachmentRecord, core.Export, error)
	Unmap(ctx context.Context, attachment string, force bool, report alloc.Report) error
}

func (m *Meson) volumes() volumeEngine { return soon{m} }

// soon does without records what the engine will do.
type soon struct{ m *Meson }

func (s soon) CreateVolume(ctx context.Context, order alloc.VolumeOrder, report alloc.Report) (core.VolumeRecord, error) {
	p, err := s.m.provider(ctx, order.Quote.Offer.Provider)
	if err != nil {
		return core.VolumeRecord{}, err
	}
	r := core.VolumeRecord{
		ID: order.ID, Name: order.Name, Provider: p.Name(), Owner: s.m.owner(order.ID, order.ID+"-vol", order.Name), Spec: order.Spec, Quote: order.Quote,
		State: core.VolumeIntended, Keep: true, Origin: order.Origin,
	}
	if err := s.m.Ledger.AddVolumes(ctx, []core.VolumeRecord{r}, core.Event{Step: "volume.intended"}); err != nil {
		return r, err
	}
	v, err := p.CreateVolume(ctx, core.CreateVolumeRequest{Owner: r.Owner, Name: r.Name, Spec: r.Spec, Offer: r.Quote.Offer, Origin: r.Origin})
	if err != nil {
		return core.VolumeRecord{}, err
	}
	return s.m.Ledger.ChangeVolume(ctx, r.ID, core.Event{Step: "volume.made"}, func(r *core.VolumeRecord) error {
		r.VolumeID, r.State = v.ID, core.VolumeMade
		return nil
	})
}

func (s soon) RemoveVolume(ctx context.Context, target alloc.VolumeTarget, report alloc.Report) error {
	p, err := s.m.provider(ctx, target.Provider)
	if err != nil {
		return err
	}
	return p.DeleteVolume(ctx, core.VolumeRef{ID: target.VolumeID})
}

func (soon) Attach(context.Context, alloc.AttachOrder, alloc.Report) (core.AttachmentRecord, error) {
	return core.AttachmentRecord{}, errSoon()
}
func (soon) Detach(context.Context, string, bool, alloc.Report) error { return errSoon() }
func (soon) Map(context.Context, alloc.MapOrder, alloc.Report) (core.AttachmentRecord, core.Export, error) {
	return core.AttachmentRecord{}, core.Export{}, errSoon()
}
func (soon) Unmap(context.Context, string, bool, alloc.Report) error { return errSoon() }

func errSoon() error { return core.Errorf(core.Unsupported, "not there yet") }
