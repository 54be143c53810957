package api

import (
	"cmp"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// lockedBy is the refusal of a further use of a volume by the lock that it has, as far
// as its provider said: Busy, and who that is; nil where there is none, or it lets the
// allocation write, which is empty for a mapping.
func (m *Meson) lockedBy(op string, v found, readOnly bool, allocation string) error {
	l := v.Lock
	mine := l != nil && strings.HasPrefix(l.Holder+" ", m.Ledger.ID()+" ")
	if readOnly || l == nil || mine && (l.Allocation == "" || l.Allocation == allocation) {
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
