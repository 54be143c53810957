package alloc

import (
	"context"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/core"
)

// busyPatience is how long it is waited for a volume that somebody else has: a
// machine that is just being removed lets go by then, another one does not.
const busyPatience = 3 * time.Second

// exporter is one process's turn at the exports of one machine, or one mapping.
type exporter struct {
	*Engine
	tell Report
}

// export asks for the way to an attachment's volume, and records that there is
// one. Nobody begins to write where another place of the volume is newer, or in use
// for writing: other providers are asked once the attachment is recorded, which
// keeps the ledger's others from beginning there. With a refusal there may be one all the same: it is to be ended. err
// leaves it to a later drive.
func (x exporter) export(ctx context.Context, t core.AttachmentRecord) (way core.Export, refusal *core.Error, err error) {
	s, err := x.Storage(ctx, t.Provider)
	if err != nil {
		return way, nil, core.AsError(err, "provider "+t.Provider)
	}
	x.tell = once(x.tell)
	// One that was made for this machine is nowhere else.
	if t.State == core.AttachmentIntended && !t.ReadOnly && (t.Attempt == 0 || t.Volume == "") {
		p := otherPlaces{Engine: x.Engine, op: "write volume", provider: t.Provider, volume: t.VolumeID, begins: &t}
		if no := p.refusal(ctx); no != nil && ctx.Err() == nil {
			return way, no, nil
		}
	}
	req := core.ExportRequest{Attachment: t.ID, Owner: t.Owner, VolumeID: t.VolumeID, ReadOnly: t.ReadOnly, From: t.From}
	trouble, held := newPatience(x.Patience, x.Now), newPatience(min(busyPatience, x.Patience), x.Now)
	for ctx.Err() == nil {
		x.Step("export.send")
		x.tell("export.sent", fmt.Sprintf("asking %s for the way to volume %s", s.Name(), t.Name), 0)
		way, err = s.Export(ctx, req)
		x.Step("export.answered")
		if ctx.Err() != nil {
			break
		}
		if err == nil {
			if t.State != core.AttachmentIntended && t.Epoch == way.Epoch {
				return way, nil, nil
			}
			_, err := x.note(ctx, t, "export.made", fmt.Sprintf("volume %s by %s", t.Name, way.Connection.Kind), func(t *core.AttachmentRecord, _ *core.Allocation) {
				t.Epoch = way.Epoch
				if t.State == core.AttachmentIntended {
					t.State = core.AttachmentExported
				}
			})
			return way, nil, err
		}
		e := core.AsError(err, "provider "+s.Name())
		switch {
		case definite(e.Kind) || e.Kind == core.NotFound:
			return way, e, nil
		case e.Kind == core.Busy:
			x.tell("export.waiting", "volume "+t.Name+": "+e.Error(), 0)
			if !held.wait(ctx, e.RetryAfter) && ctx.Err() == nil {
				return way, e, nil
			}
		default:
			x.tell("export.uncertain", "volume "+t.Name+": "+e.Error(), 0)
			if !trouble.wait(ctx, e.RetryAfter) && ctx.Err() == nil {
				return way, nil, e
			}
		}
	}
	return way, nil, ctx.Err()
}

// unexport ends an attachment at its storage provider, and records that. final is
// as in erasure.
func (x exporter) unexport(ctx context.Context, t core.AttachmentRecord, final func(*core.Error) bool) *core.Error {
	s, err := x.Storage(ctx, t.Provider)
	if err != nil {
		return core.AsError(err, "provider "+t.Provider)
	}
	x.tell = once(x.tell)
	trouble := newPatience(x.Patience, x.Now)
	for {
		x.Step("unexport.send")
		x.tell("unexport.sent", fmt.Sprintf("ending the way to volume %s at %s", t.Name, s.Name()), 0)
		err := s.Unexport(ctx, t.VolumeID, t.ID, t.Force)
		x.Step("unexport.answered")
		kind := core.KindOf(err)
		if kind == "" || kind == core.NotFound || kind == core.Unsupported && t.State == core.AttachmentIntended {
			break
		}
		e := core.AsError(err, "provider "+s.Name())
		if final != nil && final(e) || !trouble.wait(ctx, e.RetryAfter) {
			return e
		}
	}
	_, err = x.note(ctx, t, "unexport.made", "volume "+t.Name+" is no longer reached", func(t *core.AttachmentRecord, a *core.Allocation) {
		t.State = core.AttachmentEnded
		if a != nil {
			a.Volumes = without(a.Volumes, t.VolumeID)
		}
	})
	if err != nil {
		return core.AsError(err, "attachment "+t.ID)
	}
	return nil
}

func without(all []string, one string) []string {
	left := []string{}
	for _, s := range all {
		if s != one {
			left = append(left, s)
		}
	}
	return left
}

// note changes an attachment and its allocation together with the event that says
// so.
func (x exporter) note(ctx context.Context, t core.AttachmentRecord, step, text string, fn func(*core.AttachmentRecord, *core.Allocation)) (core.AttachmentRecord, error) {
	ev := core.Event{Time: x.Now().UTC(), Step: step, Text: text, Attempt: t.Attempt}
	changed, err := x.Ledger.ChangeAttachment(context.WithoutCancel(ctx), t.ID, ev, func(t *core.AttachmentRecord, a *core.Allocation) error {
		fn(t, a)
		return nil
	})
	if err != nil {
		return t, err
	}
	x.Step(step + ".committed")
	x.tell(step, text, 0)
	return changed, nil
}
