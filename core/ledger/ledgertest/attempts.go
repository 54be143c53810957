package ledgertest

import (
	"errors"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func testAttempts(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	first := Attempt(a, 1)
	must(t, l.AddAttempt(ctx, first, step("attempt")))
	same(t, "attempts", value(store().Attempts(ctx, a.ID))(t), []core.Attempt{first})
	row := value(l.Allocation(ctx, a.ID))(t)
	same(t, "the offer in use", row.Offer, &first.Quote)
	same(t, "the state", row.State, core.Creating)

	cause := errors.New("socket closed")
	must(t, l.ChangeAttempt(ctx, a.ID, 1, step("refused"), func(t *core.Attempt, a *core.Allocation) error {
		t.State, t.InstanceID = core.AttemptRefused, "i-1"
		t.Error = &core.Error{Kind: core.Exhausted, Op: "create", Text: "no host", Scope: core.ScopeQuota, RetryAfter: 7, Err: cause}
		t.Owner.Key, t.Quote.ID, t.Number = "stays", "stays", 9
		a.State, a.Message = core.Creating, "next"
		return nil
	}))
	second := Attempt(a, 2)
	must(t, l.AddAttempt(ctx, second, step("attempt")))
	got := value(store().Attempts(ctx, a.ID))(t)
	first.State, first.InstanceID, first.UpdatedAt = core.AttemptRefused, "i-1", got[0].UpdatedAt
	first.Error = &core.Error{Kind: core.Exhausted, Op: "create", Text: "no host: socket closed", Scope: core.ScopeQuota, RetryAfter: 7}
	same(t, "attempts", got, []core.Attempt{first, second})
	row = value(l.Allocation(ctx, a.ID))(t)
	same(t, "the allocation", []any{row.State, row.Message, row.Offer.ID}, []any{core.Creating, "next", second.Quote.ID})

	var steps []string
	for _, e := range value(l.Events(ctx, ledger.Query{Allocation: a.ID}))(t) {
		steps = append(steps, e.Step)
	}
	same(t, "events", steps, []string{ledger.StepBegun, "attempt", "refused", "attempt"})
	if none := value(l.Attempts(ctx, ledger.NewID()))(t); len(none) != 0 {
		t.Errorf("attempts of none: %v", none)
	}
}

func testAttemptRules(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a, b := begun(t, l, "a"), begun(t, l, "b")
	keep := func(*core.Attempt, *core.Allocation) error { return nil }
	refused(t, "a first attempt of number 2", l.AddAttempt(ctx, Attempt(a, 2), step("x")), core.Conflict)
	must(t, l.AddAttempt(ctx, Attempt(a, 1), step("x")))
	refused(t, "the same number again", l.AddAttempt(ctx, Attempt(a, 1), step("x")), core.Conflict)
	used := Attempt(b, 1)
	used.Owner.Key = Attempt(a, 1).Owner.Key
	refused(t, "a key of another allocation", l.AddAttempt(ctx, used, step("x")), core.Conflict)
	finish(t, l, a.ID, core.Failed, 1)
	refused(t, "a key of one that ended", l.AddAttempt(ctx, used, step("x")), core.Conflict)
	refused(t, "an attempt of one that ended", l.AddAttempt(ctx, Attempt(a, 2), step("x")), core.Conflict)
	refused(t, "an attempt of none", l.AddAttempt(ctx, Attempt(Allocation(t, "c"), 1), step("x")), core.NotFound)
	refused(t, "change of no attempt", l.ChangeAttempt(ctx, b.ID, 1, step("x"), keep), core.NotFound)
	refused(t, "change of an attempt of none", l.ChangeAttempt(ctx, ledger.NewID(), 1, step("x"), keep), core.NotFound)

	bare := Attempt(b, 1)
	bare.Owner.Key = ""
	refused(t, "no key", l.AddAttempt(ctx, bare, step("x")), core.Invalid)
	made := Attempt(b, 1)
	made.State = core.AttemptMade
	refused(t, "made before intended", l.AddAttempt(ctx, made, step("x")), core.Invalid)
	if n := len(value(l.Attempts(ctx, b.ID))(t)); n != 0 {
		t.Errorf("%d attempts were recorded all the same", n)
	}

	never := Attempt(begun(t, l, "c"), 1)
	never.State = core.AttemptRefused
	must(t, l.AddAttempt(ctx, never, step("refused before it was sent")))
	finish(t, l, never.Allocation, core.Failed)

	must(t, l.AddAttempt(ctx, Attempt(b, 1), step("x")))
	mine := errors.New("mine")
	err := l.ChangeAttempt(ctx, b.ID, 1, step("x"), func(t *core.Attempt, a *core.Allocation) error {
		t.State, a.State = core.AttemptMade, core.Running
		return mine
	})
	if err != mine {
		t.Errorf("error %v, want the function's own as it is", err)
	}
	same(t, "states", []any{value(l.Attempts(ctx, b.ID))(t)[0].State, value(l.Allocation(ctx, b.ID))(t).State},
		[]any{core.AttemptIntended, core.Creating})
}

// testEnding: what may still be at a provider cannot be forgotten.
func testEnding(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	for _, state := range []core.AttemptState{core.AttemptIntended, core.AttemptMade, core.AttemptUndoing} {
		for _, final := range []core.State{core.Failed, core.Gone} {
			a := begun(t, l, "")
			must(t, l.AddAttempt(ctx, Attempt(a, 1), step("x")))
			end := func(t *core.Attempt, a *core.Allocation) error {
				t.State, a.State = state, final
				return nil
			}
			refused(t, string(state)+" and "+string(final), l.ChangeAttempt(ctx, a.ID, 1, step("x"), end), core.Internal)
			_, err := l.Change(ctx, a.ID, step("x"), func(a *core.Allocation) error { a.State = final; return nil })
			refused(t, string(final)+" alone", err, core.Internal)
		}
	}
	a := begun(t, l, "")
	must(t, l.AddAttempt(ctx, Attempt(a, 1), step("x")))
	must(t, l.ChangeAttempt(ctx, a.ID, 1, step("x"), func(t *core.Attempt, a *core.Allocation) error {
		t.State, a.State = core.AttemptRemoved, core.Gone
		return nil
	}))
	_, err := l.Change(ctx, a.ID, step("x"), func(a *core.Allocation) error { a.State = core.Running; return nil })
	refused(t, "a life after the end", err, core.Conflict)
	got := value(l.Change(ctx, a.ID, step("x"), func(a *core.Allocation) error { a.Message = "seen"; return nil }))(t)
	same(t, "a note after the end", []any{got.State, got.Message}, []any{core.Gone, "seen"})
}
