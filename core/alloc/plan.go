package alloc

import "github.com/mesoncloud/meson/core"

// move is what to do next.
type move int

const (
	// settled: nothing is left to do.
	settled move = iota
	// try the placement's next quote with a new attempt.
	try
	// carry on with the last attempt until its machine runs.
	carryOn
	// undo the attempt: nothing may be held under its key.
	undo
	// fail the allocation: no quote is left, and nothing is held.
	fail
	// vanish: everything has been removed.
	vanish
	// take off an attachment: nobody may reach its volume by it.
	takeOff
	// attach a volume to the machine that runs, or find that it has it.
	attach
	// unmake a volume that was made for the allocation.
	unmake
)

// plan says what to do next, and with which attempt, from what the ledger
// holds. Each quote of the placement gets one attempt, in order; attempts come
// by number.
func plan(a core.Allocation, attempts []core.Attempt) (move, *core.Attempt) {
	if a.State.Final() {
		return settled, nil
	}
	releasing := a.State == core.Releasing
	for i := range attempts {
		t := &attempts[i]
		switch {
		case t.State == core.AttemptRefused || t.State == core.AttemptRemoved:
			continue
		case releasing || a.Abandoned || t.State == core.AttemptUndoing:
			return undo, t
		case a.State == core.Pending || a.State == core.Creating || a.State == core.Unsure:
			return carryOn, t
		}
	}
	switch {
	case releasing:
		return vanish, nil
	case a.State != core.Pending && a.State != core.Creating && a.State != core.Unsure:
		return settled, nil
	case a.Abandoned || len(attempts) >= len(a.Placement.Quotes):
		return fail, nil
	}
	return try, nil
}
