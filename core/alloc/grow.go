package alloc

import (
	"context"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// resizesAttachments is the ability of plugins whose machines grow files that they
// have open.
const resizesAttachments = "meson.plugin.v1.AttachmentResizer"

// GrowVolume lets a volume grow and returns it as it is then. Where a machine of
// this ledger has the volume's file open itself, the storage provider counts and
// records the size, the machine's provider has the machine grow the file, and the
// storage provider looks at it. Whatever is killed in between, the same again goes
// on. With an error the volume is as it was, or grows: then the error says so.
//
// It holds the lock of that machine, so that it keeps the volume meanwhile.
func (e *Engine) GrowVolume(ctx context.Context, order GrowOrder, report func(core.Allocation) Report) (core.Volume, error) {
	s, err := e.Storage(ctx, order.Provider)
	if err != nil {
		return core.Volume{}, err
	}
	g := growth{Engine: e, order: order, at: s}
	unlock, err := g.holder(ctx, report)
	if err != nil {
		return core.Volume{}, err
	}
	defer unlock()
	return g.run(ctx)
}

// growth is one process's turn at letting a volume grow.
type growth struct {
	*Engine
	order GrowOrder
	at    Storage
	tell  Report
	// held is the attachment whose machine may have the file open; without one the
	// storage provider does all.
	held    core.AttachmentRecord
	machine core.InstanceRef
	name    string
	by      Provider
}

// holder finds out whose machine could grow the file, and keeps others from that
// machine until unlock.
func (g *growth) holder(ctx context.Context, report func(core.Allocation) Report) (unlock func(), err error) {
	none := func() {}
	g.tell = g.teller(g.order.VolumeID, nil)
	v, err := g.at.GetVolume(ctx, core.VolumeRef{ID: g.order.VolumeID})
	if err != nil {
		return nil, err
	}
	held, err := g.Ledger.Attachments(ctx, ledger.AttachmentFilter{Provider: g.order.Provider, VolumeID: g.order.VolumeID})
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(held, func(x core.AttachmentRecord) bool {
		return x.State == core.AttachmentAttached && x.Allocation != "" && slices.ContainsFunc(v.Uses, func(u core.VolumeUse) bool {
			return u.Attachment == x.ID && u.Kind == core.ConnectFile && u.Writable
		})
	})
	if i < 0 {
		return none, nil
	}
	a, err := g.Ledger.Allocation(ctx, held[i].Allocation)
	if err != nil {
		return nil, err
	}
	told := report(a)
	unlock, err = g.Lock(ctx, a.ID, told)
	if err != nil {
		return nil, err
	}
	if err := g.take(ctx, held[i].ID); err != nil {
		unlock()
		return nil, err
	}
	g.tell = g.teller(a.ID, told)
	return unlock, nil
}

// take reads the attachment again, with its machine's lock.
func (g *growth) take(ctx context.Context, attachment string) error {
	x, err := g.Ledger.Attachment(ctx, attachment)
	if err != nil || x.State != core.AttachmentAttached {
		return err
	}
	a, err := g.Ledger.Allocation(ctx, x.Allocation)
	if err != nil {
		return err
	}
	attempts, err := g.Ledger.Attempts(ctx, a.ID)
	if err != nil {
		return err
	}
	p, err := g.Provider(ctx, a.Offer.Provider)
	if err != nil {
		return err
	}
	about, err := p.Describe(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(about.Services, resizesAttachments) {
		g.held, g.machine, g.name, g.by = x, machineRef(a, attempts), a.Name, p
	}
	return nil
}

// run asks the storage provider, and the machine if it is to grow the file, until
// the volume has the size.
func (g *growth) run(ctx context.Context) (core.Volume, error) {
	req := core.VolumeResize{VolumeID: g.order.VolumeID, SizeBytes: g.order.SizeBytes, HolderGrows: g.by != nil}
	wait := newPatience(g.Patience, g.Now)
	var growing *core.Volume
	for {
		g.Step("grow.send")
		v, err := g.at.ResizeVolume(ctx, req)
		g.Step("grow.answered")
		switch {
		case err == nil && v.SizeBytes >= g.order.SizeBytes:
			return v, nil
		case err != nil && growing == nil:
			return v, g.perhaps(ctx, err)
		case err != nil && (definite(core.KindOf(err)) || !wait.wait(ctx, core.AsError(err, g.order.Name).RetryAfter)):
			return *growing, g.unfinished(ctx, *growing, err)
		case err != nil:
			continue
		case v.Growth == nil || v.Growth.Attachment != g.held.ID:
			return v, g.unfinished(ctx, v, core.Errorf(core.Busy, "another machine has its file open"))
		case growing != nil && !wait.wait(ctx, 0):
			return v, g.unfinished(ctx, v, core.Errorf(core.Uncertain, "machine %s says that its file has grown, and it has not", g.name))
		}
		growing = &v
		if err := g.file(ctx, wait, v.Growth.SizeBytes); err != nil {
			return v, g.unfinished(ctx, v, err)
		}
	}
}

// file has the machine grow the file.
func (g *growth) file(ctx context.Context, wait *patience, sizeBytes int64) error {
	for {
		g.Step("growfile.send")
		g.tell("grow.sent", fmt.Sprintf("asking %s to grow the file of volume %s", g.by.Name(), g.order.Name), 0)
		err := g.by.ResizeAttachment(ctx, g.machine, g.Ledger.ID(), g.held.ID, sizeBytes)
		g.Step("growfile.answered")
		kind := core.KindOf(err)
		if kind == "" || definite(kind) || kind == core.NotFound || !wait.wait(ctx, core.AsError(err, g.order.Name).RetryAfter) {
			return err
		}
	}
}

// perhaps is the error of a growth that may be on record: the volume says.
func (g *growth) perhaps(ctx context.Context, err error) error {
	v, unseen := g.at.GetVolume(ctx, core.VolumeRef{ID: g.order.VolumeID})
	if unseen != nil || v.Growth == nil || v.Growth.SizeBytes < g.order.SizeBytes {
		return err
	}
	return g.unfinished(ctx, v, err)
}

// unfinished is the error of a growth that is on record and has not come about.
func (g *growth) unfinished(ctx context.Context, v core.Volume, err error) error {
	kind := core.KindOf(err)
	switch {
	case ctx.Err() != nil:
		kind = left(ctx, "resize volume", g.order.Name, "").Kind
	case kind == core.NotFound: // the volume is there
		kind = core.Unavailable
	}
	to := g.order.SizeBytes
	if v.Growth != nil {
		to = v.Growth.SizeBytes
	}
	return &core.Error{
		Kind: kind, Op: "resize volume", Subject: "volume " + g.order.Name, Err: err,
		Text: fmt.Sprintf("it has %d bytes, that it grows to %d is on record, and its file has not grown yet", v.SizeBytes, to),
		Hint: "the same command again goes on; it grows by itself when no machine has it any more",
	}
}
