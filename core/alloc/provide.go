package alloc

import (
	"context"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// need is what an attempt lacks before its machine can be asked for.
type need int

const (
	// ready: volumes are made, attachments recorded. Their ways are asked for.
	ready need = iota
	// recordVolumes that are to be made and have no record.
	recordVolumes
	// makeVolumes that are intended.
	makeVolumes
	// recordAttachments for volumes that have none in this attempt.
	recordAttachments
)

// provision says what an attempt needs next, and for which volumes of its quote,
// from what the ledger holds. It is pure.
func provision(t core.Attempt, held ledger.Held) (what need, missing []core.VolumeChoice, unmade []core.VolumeRecord) {
	for _, c := range t.Quote.Volumes {
		if c.Quote != nil && volumeFor(held, c.Index) == nil {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		return recordVolumes, missing, nil
	}
	for _, c := range t.Quote.Volumes {
		if v := volumeFor(held, c.Index); c.Quote != nil && v.State == core.VolumeIntended {
			unmade = append(unmade, *v)
		}
	}
	if len(unmade) > 0 {
		return makeVolumes, nil, unmade
	}
	for _, c := range t.Quote.Volumes {
		if !slices.ContainsFunc(held.Attachments, func(x core.AttachmentRecord) bool {
			return x.Attempt == t.Number && x.Index == c.Index
		}) {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		return recordAttachments, missing, nil
	}
	return ready, nil, nil
}

// volumeFor is the record of what was made for the pledge's index-th volume.
func volumeFor(held ledger.Held, index int) *core.VolumeRecord {
	for i := range held.Volumes {
		if v := &held.Volumes[i]; v.Index == index && !v.State.Final() {
			return v
		}
	}
	return nil
}

// provide makes the volumes of an attempt and gives the ways to them. given means
// that the attempt was given up, and is to be undone.
func (d *drive) provide(ctx context.Context, a core.Allocation, t core.Attempt) (all []core.Attachment, given bool, err error) {
	if len(t.Quote.Volumes) == 0 {
		return nil, false, nil
	}
	for {
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		held, err := d.holdings(ctx)
		if err != nil {
			return nil, false, err
		}
		what, missing, unmade := provision(t, held)
		switch what {
		case recordVolumes:
			err = d.recordVolumes(ctx, a, missing)
		case makeVolumes:
			given, err = d.makeVolumes(ctx, t, unmade)
		case recordAttachments:
			given, err = d.recordAttachments(ctx, a, t, held, missing)
		case ready:
			return d.ways(ctx, a, t, held)
		}
		if err != nil || given {
			return nil, given, err
		}
	}
}

// holdings are the volumes and attachments of the allocation.
func (d *drive) holdings(ctx context.Context) (h ledger.Held, err error) {
	ctx = context.WithoutCancel(ctx)
	if h.Volumes, err = d.Ledger.Volumes(ctx, ledger.VolumeFilter{Allocation: d.id}); err == nil {
		h.Attachments, err = d.Ledger.Attachments(ctx, ledger.AttachmentFilter{Allocation: d.id})
	}
	return h, err
}

func (d *drive) recordVolumes(ctx context.Context, a core.Allocation, missing []core.VolumeChoice) error {
	var all []core.VolumeRecord
	text := "volumes:"
	for _, c := range missing {
		want := a.Pledge.Volumes[c.Index]
		v := d.newVolume(ledger.NewID(), a.ID, c.Name, want.Spec(), *c.Quote)
		v.Allocation, v.Index, v.Volatile = a.ID, c.Index, want.Volatile
		all = append(all, v)
		text += fmt.Sprintf(" %s at %s", c.Name, c.Provider)
	}
	const step = "volume.intended"
	if err := d.Ledger.AddVolumes(context.WithoutCancel(ctx), all, d.event(d.id, step, text)); err != nil {
		return err
	}
	d.Step(step + ".committed")
	d.tell(step, text, 0)
	return nil
}

// newVolume is the record of a volume to be made.
func (e *Engine) newVolume(id, allocation, name string, spec core.VolumeSpec, q core.VolumeQuote) core.VolumeRecord {
	now := e.Now().UTC()
	owner := core.Owner{Broker: e.Ledger.ID(), Allocation: allocation, Key: allocation + "-vol-" + id}
	owner.Request = e.Ledger.Hash([]byte(fmt.Sprintf("%q", []any{name, spec, q.Offer.Provider, q.Offer.Zone, q.Offer.ID, owner.Key})))
	return core.VolumeRecord{
		ID: id, Name: name, Provider: q.Offer.Provider, Owner: owner, Spec: spec, Quote: q, State: core.VolumeIntended, CreatedAt: now, UpdatedAt: now,
	}
}

func (d *drive) volumes() volumeDrive {
	return volumeDrive{Engine: d.Engine, fresh: d.fresh, tell: d.tell}
}

func (d *drive) exports() exporter { return exporter{Engine: d.Engine, tell: d.tell} }

// recordAttachments gives the attempt up where a volume is being removed, or is
// written in another place.
func (d *drive) recordAttachments(ctx context.Context, a core.Allocation, t core.Attempt, held ledger.Held, missing []core.VolumeChoice) (given bool, err error) {
	var all []core.AttachmentRecord
	text := "attaching"
	for _, c := range missing {
		id := fmt.Sprintf("%s-%d-%d", d.id, t.Number, c.Index)
		x := core.AttachmentRecord{
			ID: id, Allocation: d.id, Attempt: t.Number, Index: c.Index, Owner: d.attachmentOwner(d.id, id), Provider: c.Provider, VolumeID: c.VolumeID,
			Name: c.Name, ReadOnly: c.ReadOnly, Boot: c.Boot, From: t.Quote.Consumer, State: core.AttachmentIntended,
		}
		if c.Quote != nil {
			v := volumeFor(held, c.Index)
			x.Volume, x.VolumeID, x.Provider = v.ID, v.VolumeID, v.Provider
		}
		all = append(all, x)
		text += " " + c.Name
	}
	const step = "attach.intended"
	ev := d.event(d.id, step, text)
	ev.Attempt = t.Number
	err = d.Ledger.AddAttachments(context.WithoutCancel(ctx), all, ev)
	switch {
	case core.KindOf(err) == core.Conflict:
		refusal := core.AsError(err, "volumes of "+d.id)
		if len(all) == 1 {
			return true, d.giveUpWay(ctx, a, t, all[0], refusal)
		}
		return true, d.giveUp(ctx, t, refusal)
	case err != nil:
		return false, err
	}
	d.Step(step + ".committed")
	d.tell(step, text, 0)
	return false, nil
}

func (e *Engine) attachmentOwner(allocation, id string) core.Owner {
	return core.Owner{Broker: e.Ledger.ID(), Allocation: allocation, Key: id, Request: e.Ledger.Hash([]byte("attachment " + id))}
}

func attachmentOf(x core.AttachmentRecord, way core.Export) core.Attachment {
	return core.Attachment{ID: x.ID, VolumeID: x.VolumeID, Name: mountName(x), Boot: x.Boot, Connection: way.Connection}
}

// mountName is the volume's name where that is a DNS label, and else the
// attachment's id: a guest mounts by it.
func mountName(x core.AttachmentRecord) string {
	for i, c := range []byte(x.Name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || i == 0 || i == len(x.Name)-1) {
			return x.ID
		}
	}
	if x.Name == "" || len(x.Name) > 63 {
		return x.ID
	}
	return x.Name
}

// noteHeld is note for changes of what is held for the allocation, too.
func (d *drive) noteHeld(ctx context.Context, t core.Attempt, step, text string, fn func(*ledger.Held)) error {
	ev := d.event(d.id, step, text)
	ev.Attempt = t.Number
	err := d.Ledger.ChangeHeld(context.WithoutCancel(ctx), d.id, t.Number, ev, func(h *ledger.Held) error {
		fn(h)
		return nil
	})
	if err != nil {
		return err
	}
	d.Step(step + ".committed")
	d.tell(step, text, 0)
	return nil
}
