package alloc

import (
	"context"

	"github.com/mesoncloud/meson/core"
)

// CreateVolume makes a volume by itself and returns when it is available. Errors
// are as Start's: Conflict, where its offer has become dearer or another volume,
// with nothing made; Interrupted, undone; Uncertain, where TakeOverVolumes goes
// on; a provider's own refusal, with nothing left.
func (e *Engine) CreateVolume(ctx context.Context, order VolumeOrder, report Report) (core.VolumeRecord, error) {
	return core.VolumeRecord{}, core.Errorf(core.Unsupported, "not yet")
}

// RemoveVolume removes a volume and what it holds, and returns when it is gone.
// One that the ledger did not make is recorded first. Busy, and by whom, where it
// is in use: then nothing has changed, as for every other refusal. Uncertain where
// it is not known: TakeOverVolumes goes on.
func (e *Engine) RemoveVolume(ctx context.Context, target VolumeTarget, report Report) (core.VolumeRecord, error) {
	return core.VolumeRecord{}, core.Errorf(core.Unsupported, "not yet")
}

// AttachVolume puts a volume on a machine that exists and returns when it has it;
// the same again is no change. A refusal leaves nothing exported. It waits for
// another driver of the machine as Drive does. Uncertain where it is not known
// how it stands: Drive of the machine, and TakeOver, go on.
func (e *Engine) AttachVolume(ctx context.Context, order AttachOrder, report Report) (core.AttachmentRecord, error) {
	return core.AttachmentRecord{}, core.Errorf(core.Unsupported, "not yet")
}

// DetachVolume takes a volume off its machine, given the attachment's id, and
// returns when the machine can no longer reach it. Busy, with who holds it, where
// the machine does not let go, and all is as it was; with force it is cut off at
// the server of the bytes then.
func (e *Engine) DetachVolume(ctx context.Context, attachment string, force bool, report Report) (core.AttachmentRecord, error) {
	return core.AttachmentRecord{}, core.Errorf(core.Unsupported, "not yet")
}

// MapVolume exports a volume to somebody who is no machine of ours. The way to it
// has secrets and is not kept. A refusal leaves nothing exported.
func (e *Engine) MapVolume(ctx context.Context, order MapOrder, report Report) (core.AttachmentRecord, core.Connection, error) {
	return core.AttachmentRecord{}, core.Connection{}, core.Errorf(core.Unsupported, "not yet")
}

// UnmapVolume ends that. What has ended is no error.
func (e *Engine) UnmapVolume(ctx context.Context, attachment string, force bool, report Report) (core.AttachmentRecord, error) {
	return core.AttachmentRecord{}, core.Errorf(core.Unsupported, "not yet")
}

// TakeOverVolumes drives every volume by itself and every mapping that is neither
// settled nor driven by anybody, and returns the volumes as they stand, and errors
// by the id of the volume or the attachment. report gives what is told of the
// steps of one, given its id and its name.
func (e *Engine) TakeOverVolumes(ctx context.Context, report func(id, name string) Report) ([]core.VolumeRecord, map[string]error) {
	return nil, nil
}
