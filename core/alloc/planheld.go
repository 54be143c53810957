package alloc

import (
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// next is what to do next, and with which attempt, attachment or volume.
type next struct {
	move
	attempt    *core.Attempt
	attachment *core.AttachmentRecord
	volume     *core.VolumeRecord
}

// planHeld is plan for an allocation with volumes: what was attached for a machine
// that is certainly gone is unexported before anything else happens, then the
// volumes that nobody needs any more are removed, and only then does the next
// attempt begin or the allocation end.
func planHeld(a core.Allocation, attempts []core.Attempt, held ledger.Held) next {
	m, t := plan(a, attempts)
	if a.State.Final() || m == undo {
		return next{move: m, attempt: t}
	}
	over := a.State == core.Releasing || a.Abandoned
	for i := range held.Attachments {
		x := &held.Attachments[i]
		switch {
		case x.State == core.AttachmentEnded:
		case over || x.State == core.AttachmentEnding || x.Attempt > 0 && ended(attempts, x.Attempt):
			return next{move: takeOff, attachment: x}
		case x.Attempt == 0 && x.State != core.AttachmentAttached:
			return next{move: attach, attachment: x}
		}
	}
	for i := range held.Volumes {
		v := &held.Volumes[i]
		// One that is kept has a life of its own, and is driven by itself.
		if !v.State.Final() && !v.Keep && (over || m == fail || v.State == core.VolumeUndoing) {
			return next{move: unmake, volume: v}
		}
	}
	return next{move: m, attempt: t}
}

// ended reports whether nothing of an attempt is left.
func ended(attempts []core.Attempt, number int) bool {
	for _, t := range attempts {
		if t.Number == number {
			return t.State == core.AttemptRefused || t.State == core.AttemptRemoved
		}
	}
	return true
}
