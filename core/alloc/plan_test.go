package alloc

import (
	"testing"

	"github.com/mesoncloud/meson/core"
)

func TestPlan(t *testing.T) {
	two := core.Placement{Quotes: make([]core.Quote, 2)}
	for _, c := range []struct {
		name     string
		state    core.State
		abandon  bool
		attempts []core.AttemptState
		want     move
		number   int
	}{
		{"begun", core.Pending, false, nil, try, 0},
		{"begun and abandoned", core.Pending, true, nil, fail, 0},
		{"first intended", core.Creating, false, []core.AttemptState{core.AttemptIntended}, carryOn, 1},
		{"intended before the state was written", core.Pending, false, []core.AttemptState{core.AttemptIntended}, carryOn, 1},
		{"made, not running", core.Creating, false, []core.AttemptState{core.AttemptMade}, carryOn, 1},
		{"not known", core.Unsure, false, []core.AttemptState{core.AttemptMade}, carryOn, 1},
		{"intended and abandoned", core.Creating, true, []core.AttemptState{core.AttemptIntended}, undo, 1},
		{"to be undone", core.Creating, false, []core.AttemptState{core.AttemptUndoing}, undo, 1},
		{"first refused", core.Creating, false, []core.AttemptState{core.AttemptRefused}, try, 0},
		{"second intended", core.Creating, false, []core.AttemptState{core.AttemptRefused, core.AttemptIntended}, carryOn, 2},
		{"all refused", core.Creating, false, []core.AttemptState{core.AttemptRefused, core.AttemptRefused}, fail, 0},
		{"first refused and abandoned", core.Creating, true, []core.AttemptState{core.AttemptRefused}, fail, 0},
		{"running", core.Running, false, []core.AttemptState{core.AttemptMade}, settled, 0},
		{"stopped", core.Stopped, false, []core.AttemptState{core.AttemptMade}, settled, 0},
		{"releasing", core.Releasing, false, []core.AttemptState{core.AttemptRefused, core.AttemptMade}, undo, 2},
		{"releasing what may be there", core.Releasing, false, []core.AttemptState{core.AttemptIntended}, undo, 1},
		{"released", core.Releasing, false, []core.AttemptState{core.AttemptRemoved}, vanish, 0},
		{"released before any attempt", core.Releasing, false, nil, vanish, 0},
		{"gone", core.Gone, false, []core.AttemptState{core.AttemptRemoved}, settled, 0},
		{"failed", core.Failed, false, []core.AttemptState{core.AttemptRefused}, settled, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := core.Allocation{State: c.state, Abandoned: c.abandon, Placement: two}
			var attempts []core.Attempt
			for i, s := range c.attempts {
				attempts = append(attempts, core.Attempt{Number: i + 1, State: s})
			}
			got, attempt := plan(a, attempts)
			number := 0
			if attempt != nil {
				number = attempt.Number
			}
			if got != c.want || number != c.number {
				t.Errorf("plan is %v of attempt %d, want %v of %d", got, number, c.want, c.number)
			}
		})
	}
}
