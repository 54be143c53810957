package alloc

import (
	"context"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// Reattach gives a machine the way to a volume that it has once more: its host may
// have forgotten the password since, the storage server may have been restarted,
// and the volume may have grown. It is no change, to the machine as in the ledger,
// and nothing for an attachment that a machine does not have. The caller holds the
// lock of the attachment's allocation; see Lock.
func (e *Engine) Reattach(ctx context.Context, attachment string, report Report) error {
	x, err := e.Ledger.Attachment(ctx, attachment)
	if err != nil || x.Allocation == "" || x.State != core.AttachmentAttached {
		return err
	}
	a, err := e.Ledger.Allocation(ctx, x.Allocation)
	if err != nil {
		return err
	}
	attempts, err := e.Ledger.Attempts(ctx, a.ID)
	if err != nil {
		return err
	}
	d := &drive{Engine: e, id: a.ID, report: report}
	way, refusal, err := d.exports().export(ctx, x)
	switch {
	case err != nil:
		return d.notAgain(ctx, a, x, err)
	case refusal != nil:
		return d.notAgain(ctx, a, x, refusal)
	}
	p, err := d.Provider(ctx, a.Offer.Provider)
	if err != nil {
		return err
	}
	trouble := newPatience(d.Patience, d.Now)
	for {
		d.Step("reattach.send")
		d.tell("reattach.sent", "telling "+p.Name()+" of volume "+x.Name+" again", 0)
		_, err := p.Attach(ctx, machineRef(a, attempts), d.Ledger.ID(), attachmentOf(x, way))
		d.Step("reattach.answered")
		kind := core.KindOf(err)
		switch {
		case kind == "" || kind == core.Unsupported: // it keeps what it was made with by itself
			return nil
		case definite(kind) || kind == core.NotFound || !trouble.wait(ctx, core.AsError(err, x.Name).RetryAfter):
			return d.notAgain(ctx, a, x, err)
		}
	}
}

// LetGo takes off a machine that is to be started what it has of volumes that the
// ledger has ended, or is ending: they were cut off while the machine's host did not
// answer, and somebody else may write to them by now. It is nothing for a machine
// that runs, which is cut off, and for what the ledger does not know, as after a
// backup was put back. The caller holds the lock of the allocation; see Lock.
func (e *Engine) LetGo(ctx context.Context, allocation string, report Report) error {
	a, err := e.Ledger.Allocation(ctx, allocation)
	if err != nil {
		return err
	}
	ended, err := e.Ledger.Attachments(ctx, ledger.AttachmentFilter{Allocation: a.ID, Final: true})
	if err != nil {
		return err
	}
	ended = slices.DeleteFunc(ended, func(x core.AttachmentRecord) bool {
		return x.State != core.AttachmentEnded && x.State != core.AttachmentEnding
	})
	attempts, err := e.Ledger.Attempts(ctx, a.ID)
	if err != nil || len(ended) == 0 {
		return err
	}
	p, err := e.Provider(ctx, a.Offer.Provider)
	if err != nil {
		return err
	}
	inst, err := p.Get(ctx, machineRef(a, attempts))
	if err != nil || inst.State != core.Stopped {
		return err
	}
	d := &drive{Engine: e, id: a.ID, report: report}
	for _, x := range ended {
		if slices.ContainsFunc(inst.Attachments, func(y core.Attachment) bool { return y.ID == x.ID }) {
			if err := d.letGo(ctx, p, a, attempts, x); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *drive) letGo(ctx context.Context, p Provider, a core.Allocation, attempts []core.Attempt, x core.AttachmentRecord) error {
	trouble := newPatience(d.Patience, d.Now)
	for {
		d.Step("letgo.send")
		d.tell("letgo.sent", "telling "+p.Name()+" that volume "+x.Name+" is no longer its", 0)
		_, err := p.Detach(ctx, machineRef(a, attempts), d.Ledger.ID(), x.ID)
		d.Step("letgo.answered")
		kind := core.KindOf(err)
		switch {
		case kind == "" || kind == core.NotFound:
			return nil
		case ctx.Err() != nil:
			return left(ctx, "let go of volume", x.Name, "the machine still has it")
		case definite(kind) || !trouble.wait(ctx, core.AsError(err, x.Name).RetryAfter):
			return &core.Error{
				Kind: kind, Op: "let go of volume", Subject: fmt.Sprintf("volume %s of %s", x.Name, a.Name), Err: err,
				Text: "it was cut off from the machine, which still has it", Hint: "the same command again, when its host answers",
			}
		}
	}
}

// notAgain is the error of a volume that a machine has and cannot be given again.
func (d *drive) notAgain(ctx context.Context, a core.Allocation, x core.AttachmentRecord, err error) error {
	if ctx.Err() != nil {
		return left(ctx, "reach volume", x.Name, "the machine keeps it")
	}
	kind := core.KindOf(err)
	if kind == core.NotFound { // the machine is there
		kind = core.Unavailable
	}
	return &core.Error{
		Kind: kind, Op: "reach volume", Subject: fmt.Sprintf("volume %s of %s", x.Name, a.Name), Err: err,
		Hint: fmt.Sprintf("meson volume show %s; without it: meson volume detach --force %s %s", x.VolumeID, x.VolumeID, a.Name),
	}
}
