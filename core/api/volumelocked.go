package api

import (
	"cmp"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// lockedBy is the refusal of a machine that would write to a volume, by the lock that
// the volume has: Busy, and who that is; nil where there is none, or it lets the
// machine write.
func (m *Meson) lockedBy(op string, v found, a core.Allocation) error {
	l := v.Lock
	mine := l != nil && strings.HasPrefix(l.Holder+" ", m.Ledger.ID()+" ")
	if l == nil || mine && (l.Allocation == "" || l.Allocation == a.ID) {
		return nil
	}
	text := cmp.Or(l.Holder, "somebody") + " has locked it"
	if !l.Since.IsZero() {
		text += " since " + l.Since.UTC().Format("2006-01-02 15:04:05Z")
	}
	if mine {
		text += ", " + lockedFor(l.Allocation)
	}
	return &core.Error{Kind: core.Busy, Op: op, Subject: v.Provider + "/" + v.ID, Text: text, Hint: "meson volume unlock " + v.ID}
}
