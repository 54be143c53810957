package alloc

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// TakeOverVolumes drives every volume by itself and every mapping that is neither
// settled nor driven by anybody, several at once, and returns the volumes as they
// stand, oldest first, and errors by the id of the volume or the attachment.
// report gives what is told of the steps of one, given its id and its name; it may
// be called from several goroutines.
func (e *Engine) TakeOverVolumes(ctx context.Context, report func(id, name string) Report) ([]core.VolumeRecord, map[string]error) {
	errs := map[string]error{}
	volumes, err := e.Ledger.Volumes(ctx, ledger.VolumeFilter{Open: true})
	if err != nil {
		errs[""] = err
		return nil, errs
	}
	mappings, err := e.Ledger.Attachments(ctx, ledger.AttachmentFilter{Open: true})
	if err != nil {
		errs[""] = err
	}
	taken := make([]*core.VolumeRecord, len(volumes))
	var all errgroup.Group
	var mu sync.Mutex
	all.SetLimit(takeOvers)
	failed := func(id string, err error) {
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			errs[id] = err
		}
	}
	for i, v := range volumes {
		if v.Allocation != "" && !v.Keep { // its machine's drive sees to it
			continue
		}
		all.Go(func() error {
			now, had, err := e.takeVolume(ctx, v.ID, report(v.ID, v.Name))
			if had {
				taken[i] = &now
			}
			failed(v.ID, err)
			return nil
		})
	}
	for _, x := range mappings {
		if x.Allocation != "" || x.State == core.AttachmentExported {
			continue
		}
		all.Go(func() error {
			failed(x.ID, e.takeMapping(ctx, x.ID, report(x.ID, x.Name)))
			return nil
		})
	}
	_ = all.Wait() // errors are each one's own
	var list []core.VolumeRecord
	for _, v := range taken {
		if v != nil {
			list = append(list, *v)
		}
	}
	return list, errs
}

// takeVolume drives a volume that nobody else drives; had is false otherwise.
func (e *Engine) takeVolume(ctx context.Context, id string, report Report) (v core.VolumeRecord, had bool, err error) {
	unlock, err := e.Ledger.Lock(ctx, id)
	if err != nil {
		return v, false, unlessBusy(err)
	}
	defer unlock()
	if v, err = e.Ledger.Volume(ctx, id); err != nil {
		return v, false, err
	}
	v, err = volumeDrive{Engine: e, tell: e.teller(id, report)}.run(ctx, v)
	return v, true, err
}

// takeMapping ends a mapping that was begun and never known to anybody, or that
// was to be ended.
func (e *Engine) takeMapping(ctx context.Context, id string, report Report) error {
	unlock, err := e.Ledger.Lock(ctx, id)
	if err != nil {
		return unlessBusy(err)
	}
	defer unlock()
	x, err := e.Ledger.Attachment(ctx, id)
	if err != nil || x.State == core.AttachmentEnded || x.State == core.AttachmentExported {
		return err
	}
	return exporter{Engine: e, tell: e.teller(id, report)}.unmap(ctx, x)
}

// unlessBusy is nil for what another process drives.
func unlessBusy(err error) error {
	if core.KindOf(err) == core.Busy {
		return nil
	}
	return err
}
