package api

import (
	"context"
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// reattach gives a machine the ways to the volumes that it has once more. The
// caller holds the machine's lock.
func (m *Meson) reattach(ctx context.Context, f ledger.AttachmentFilter, report alloc.Report) error {
	held, err := m.Ledger.Attachments(ctx, f)
	if err != nil {
		return err
	}
	for _, x := range held {
		if err := m.engine.Reattach(ctx, x.ID, report); err != nil {
			return err
		}
	}
	return nil
}

// tellMachines lets the machines that have a volume see that it has grown. It has,
// whatever comes of this.
func (m *Meson) tellMachines(ctx context.Context, v VolumeInfo, progress func(Progress)) error {
	f := ledger.AttachmentFilter{Provider: v.Provider, VolumeID: v.ID}
	held, err := m.Ledger.Attachments(ctx, f)
	if err != nil {
		return err
	}
	told := map[string]bool{"": true} // mappings are nobody's
	for _, x := range held {
		if told[x.Allocation] {
			continue
		}
		told[x.Allocation] = true
		if err := m.tellMachine(ctx, x.Allocation, f, progress); err != nil {
			return &core.Error{
				Kind: core.KindOf(err), Op: "resize volume", Subject: v.Provider + "/" + v.ID, Err: err,
				Text: fmt.Sprintf("it has %d bytes now, and a machine that has it was not told", v.SizeBytes),
				Hint: "the same command again tells it; a machine that is started again sees it, too",
			}
		}
	}
	return nil
}

func (m *Meson) tellMachine(ctx context.Context, allocation string, f ledger.AttachmentFilter, progress func(Progress)) error {
	a, err := m.Ledger.Allocation(ctx, allocation)
	if err != nil || !settledAt(a.State) { // one that is being made or removed sees it as it is
		return err
	}
	report := m.reporter(m.Now(), a, progress)
	unlock, err := m.engine.Lock(ctx, a.ID, report)
	if err != nil {
		return err
	}
	defer unlock()
	f.Allocation = a.ID
	return m.reattach(ctx, f, report)
}
