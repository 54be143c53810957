package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// AttachVolume implements [Broker].
func (m *Meson) AttachVolume(ctx context.Context, req AttachVolumeRequest) (VolumeInfo, error) {
	v, err := m.volume(ctx, req.Volume)
	if err != nil {
		return VolumeInfo{}, err
	}
	a, p, ref, err := m.machine(ctx, req.Machine)
	if err != nil {
		return VolumeInfo{}, err
	}
	subject := fmt.Sprintf("%s/%s on %s", v.Provider, v.ID, a.Name)
	readOnly := req.ReadOnly || v.ReadOnly
	// What can be told before anything is done is told so; the storage provider
	// has the last word.
	inst, err := p.Get(ctx, ref)
	if err != nil {
		return VolumeInfo{}, err
	}
	if _, err := inst.Consumer.Reach(v.Exposures); err != nil {
		return VolumeInfo{}, &core.Error{Kind: core.Unsupported, Op: "attach volume", Subject: subject, Err: err, Hint: "meson volume show " + v.ID}
	}
	if err := m.heldBy(ctx, "attach volume", v, readOnly, func(u core.VolumeUse) bool { return u.Allocation != a.ID }); err != nil {
		return VolumeInfo{}, err
	}
	if err := m.lockedBy("attach volume", v, readOnly, a.ID); err != nil {
		return VolumeInfo{}, err
	}
	if req.DryRun {
		if !readOnly {
			if err := m.engine.MayWrite(ctx, "attach volume", v.target()); err != nil {
				return VolumeInfo{}, err
			}
		}
		return m.info(ctx, v.Volume)
	}
	target, err := m.target(ctx, v)
	if err != nil {
		return VolumeInfo{}, err
	}
	order := alloc.AttachOrder{VolumeTarget: target, Allocation: a.ID, ReadOnly: readOnly}
	if _, err := m.engine.Attach(ctx, order, m.reporter(m.Now(), a, req.Progress)); err != nil {
		return VolumeInfo{}, err
	}
	return m.again(ctx, v)
}

// heldBy is the refusal of a further use of a volume: who of others, as far as its
// provider said, has it in a way that another one cannot join; nil if nobody has.
func (m *Meson) heldBy(ctx context.Context, op string, v found, readOnly bool, other func(core.VolumeUse) bool) error {
	held := filter(v.Uses, func(u core.VolumeUse) bool { return other(u) && (u.Writable || !readOnly) })
	if len(held) == 0 || v.Shareable {
		return nil
	}
	v.Uses = held
	return m.inUse(ctx, op, v)
}

// DetachVolume implements [Broker].
func (m *Meson) DetachVolume(ctx context.Context, req DetachVolumeRequest) (VolumeInfo, error) {
	v, err := m.volume(ctx, req.Volume)
	if err != nil {
		return VolumeInfo{}, err
	}
	held, err := m.Ledger.Attachments(ctx, ledger.AttachmentFilter{Provider: v.Provider, VolumeID: v.ID})
	if err != nil {
		return VolumeInfo{}, err
	}
	on := filter(held, func(t core.AttachmentRecord) bool { return t.Allocation != "" })
	var a core.Allocation
	if req.Machine != "" {
		if a, err = m.Ledger.Allocation(ctx, req.Machine); err != nil {
			return VolumeInfo{}, err
		}
		on = filter(on, func(t core.AttachmentRecord) bool { return t.Allocation == a.ID })
	}
	subject := v.Provider + "/" + v.ID
	switch {
	case len(on) == 0 && req.Machine != "":
		return VolumeInfo{}, &core.Error{Kind: core.NotFound, Op: "detach volume", Subject: subject, Text: a.Name + " does not have it", Hint: "meson volume show " + v.ID}
	case len(on) == 0 && len(v.Uses) > 0:
		e := m.inUse(ctx, "detach volume", v)
		e.Text, e.Hint = "no machine of this ledger has it; "+e.Text, "meson volume unlock "+v.ID+" --force cuts off who writes"
		return VolumeInfo{}, e
	case len(on) == 0:
		return VolumeInfo{}, &core.Error{Kind: core.NotFound, Op: "detach volume", Subject: subject, Text: "nobody has it"}
	case slices.ContainsFunc(on, func(t core.AttachmentRecord) bool { return t.Allocation != on[0].Allocation }):
		return VolumeInfo{}, &core.Error{Kind: core.Invalid, Op: "detach volume", Subject: subject, Text: "several machines have it", Hint: "say which: meson volume detach " + v.ID + " MACHINE"}
	case req.DryRun:
		return m.info(ctx, v.Volume)
	}
	if a, err = m.Ledger.Allocation(ctx, on[0].Allocation); err != nil {
		return VolumeInfo{}, err
	}
	for _, t := range on {
		if err := m.engine.Detach(ctx, t.ID, req.Force, m.reporter(m.Now(), a, req.Progress)); err != nil {
			return VolumeInfo{}, err
		}
	}
	return m.again(ctx, v)
}

// again is a volume as it is after something was done to it.
func (m *Meson) again(ctx context.Context, v found) (VolumeInfo, error) {
	now, err := v.at.GetVolume(ctx, v.ref())
	if err != nil {
		m.Log.Warn("a volume was not looked at again", "provider", v.Provider, "volume", v.ID, "error", err)
		now = v.Volume
	}
	return m.info(ctx, now)
}

// Attachments implements [Broker].
func (m *Meson) Attachments(ctx context.Context, machine string) ([]core.AttachmentRecord, error) {
	a, err := m.Ledger.Allocation(ctx, machine)
	if err != nil {
		return nil, err
	}
	return m.Ledger.Attachments(ctx, ledger.AttachmentFilter{Allocation: a.ID})
}

// MapVolume implements [Broker].
func (m *Meson) MapVolume(ctx context.Context, req MapVolumeRequest) (VolumeMapping, error) {
	v, err := m.volume(ctx, req.Volume)
	if err != nil {
		return VolumeMapping{}, err
	}
	if _, err := req.From.Reach(v.Exposures); err != nil {
		return VolumeMapping{}, &core.Error{Kind: core.Unsupported, Op: "map volume", Subject: v.Provider + "/" + v.ID, Err: err, Hint: "meson volume show " + v.ID}
	}
	readOnly := req.ReadOnly || v.ReadOnly
	known, err := m.Ledger.Attachments(ctx, ledger.AttachmentFilter{})
	if err != nil {
		return VolumeMapping{}, err
	}
	// What was copied while in use may show the use of the place that it was copied from.
	copied := func(u core.VolumeUse) bool {
		return slices.ContainsFunc(known, func(t core.AttachmentRecord) bool { return t.ID == u.Attachment && t.Provider != v.Provider })
	}
	if err := m.heldBy(ctx, "map volume", v, readOnly, func(u core.VolumeUse) bool { return u.Attachment != req.ID && !copied(u) }); err != nil {
		return VolumeMapping{}, err
	}
	if err := m.lockedBy("map volume", v, readOnly, ""); err != nil {
		return VolumeMapping{}, err
	}
	target, err := m.target(ctx, v)
	if err != nil {
		return VolumeMapping{}, err
	}
	order := alloc.MapOrder{VolumeTarget: target, ID: req.ID, ReadOnly: readOnly, From: req.From, Holder: req.Who}
	record, way, err := m.engine.Map(ctx, order, m.volumeReporter(m.Now(), v.Name, req.Progress))
	if err != nil {
		return VolumeMapping{}, err
	}
	info, err := m.again(ctx, v)
	return VolumeMapping{
		Volume: info, Epoch: way.Epoch,
		Attachment: core.Attachment{ID: record.ID, VolumeID: v.ID, Name: v.Name, Connection: way.Connection},
	}, err
}

// UnmapVolume implements [Broker].
func (m *Meson) UnmapVolume(ctx context.Context, mapping string, force bool) error {
	return m.engine.Unmap(ctx, mapping, force, nil)
}

// Mappings implements [Broker].
func (m *Meson) Mappings(ctx context.Context) ([]core.AttachmentRecord, error) {
	held, err := m.Ledger.Attachments(ctx, ledger.AttachmentFilter{})
	return filter(held, func(t core.AttachmentRecord) bool { return t.Allocation == "" && t.Change == "" }), err
}
