package ledgertest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func testAllocationRoundTrip(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	want := a
	want.Pledge = unsecret(a.Pledge)
	same(t, "as begun", value(store().Allocation(ctx, a.ID))(t), want)

	fill := running(t)
	must(t, fill(&want))
	got := value(l.Change(ctx, a.ID, step("filled"), fill))(t)
	if !got.UpdatedAt.After(time.Now().Add(-time.Hour)) {
		t.Errorf("changed at %s", got.UpdatedAt)
	}
	want.UpdatedAt = got.UpdatedAt
	same(t, "as changed", got, want)
	same(t, "as read back", value(store().Allocation(ctx, a.ID))(t), want)

	plain := core.Allocation{ID: ledger.NewID()}
	must(t, l.Begin(ctx, plain))
	got = value(l.Allocation(ctx, plain.ID))(t)
	if got.State != core.Pending || got.CreatedAt.IsZero() || !got.UpdatedAt.Equal(got.CreatedAt) {
		t.Errorf("an allocation of nothing begins as %+v", got)
	}
}

func testBeginConflicts(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	b := Allocation(t, "web")
	e := refused(t, "a name that is taken", store().Begin(ctx, b), core.Conflict)
	if e.Subject != "allocation "+a.ID {
		t.Errorf("subject %q, want that which has the name", e.Subject)
	}
	_, err := l.Allocation(ctx, b.ID)
	refused(t, "what was not begun", err, core.NotFound)
	if s := value(l.Secrets(ctx, a.ID))(t); s != ledger.SecretsOf(a.Pledge) {
		t.Error("the secrets of the one with the name have changed")
	}

	taken := Allocation(t, "other")
	taken.ID, taken.Pledge.UserData = a.ID, core.NewSecret("other")
	refused(t, "an id that is taken", l.Begin(ctx, taken), core.Conflict)
	if s := value(l.Secrets(ctx, a.ID))(t); s != ledger.SecretsOf(a.Pledge) {
		t.Error("the secrets of the one with the id have changed")
	}

	finish(t, l, a.ID, core.Gone)
	must(t, l.Begin(ctx, b)) // the name is free again
	c := begun(t, l, "c")
	_, err = l.Change(ctx, c.ID, step("renamed"), func(a *core.Allocation) error { a.Name = "web"; return nil })
	refused(t, "a change to a name that is taken", err, core.Conflict)

	for range 2 {
		begun(t, l, "") // no name is nobody's
	}
	for what, edit := range map[string]func(*core.Allocation){
		"no id":           func(a *core.Allocation) { a.ID = "" },
		"a long id":       func(a *core.Allocation) { a.ID += "x" },
		"a path as id":    func(a *core.Allocation) { a.ID = "../../../x" },
		"a state of more": func(a *core.Allocation) { a.State = core.Running },
	} {
		bad := Allocation(t, "bad")
		edit(&bad)
		refused(t, what, l.Begin(ctx, bad), core.Invalid)
	}
}

func testFindAllocation(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	begin := func(id, name string, age time.Duration) {
		must(t, l.Begin(ctx, core.Allocation{ID: id, Name: name, CreatedAt: noon().Add(-age)}))
	}
	begin("aaaa000001", "web", 4*time.Hour)
	finish(t, l, "aaaa000001", core.Gone)
	begin("aaaa000002", "web", 3*time.Hour)
	finish(t, l, "aaaa000002", core.Failed)
	begin("bbbb000001", "aaaa000001", 2*time.Hour) // a name like an id
	begin("cccc000001", "bbbb", time.Hour)         // a name like the beginning of one
	find := func(typed, want string) {
		t.Helper()
		if got := value(l.Allocation(ctx, typed))(t); got.ID != want {
			t.Errorf("%q is %s, want %s", typed, got.ID, want)
		}
	}
	find("aaaa000001", "aaaa000001")
	find("web", "aaaa000002")
	find("bbbb", "cccc000001")
	find("bbbb0", "bbbb000001")
	find("cccc", "cccc000001")
	begin("dddd000001", "web", 24*time.Hour)
	find("web", "dddd000001") // in use, though older

	_, err := l.Allocation(ctx, "aaaa")
	if e := refused(t, "an ambiguous one", err, core.Invalid); !strings.Contains(e.Text, "aaaa000002, aaaa000001") {
		t.Errorf("%q does not name both, the newest first", e.Text)
	}
	for _, typed := range []string{"ccc", "aaaa%", "aaaa00000_", "nobody", strings.Repeat("a", 5000), "'; DROP TABLE meta"} {
		_, err := l.Allocation(ctx, typed)
		refused(t, typed, err, core.NotFound)
	}
	_, err = l.Allocation(ctx, "")
	refused(t, "nothing", err, core.Invalid)
}

func testListAllocations(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	if all := value(l.Allocations(ctx, ledger.Filter{Final: true}))(t); len(all) != 0 {
		t.Errorf("a new ledger has %v", all)
	}
	var all []core.Allocation
	for i, name := range []string{"one", "two", "three", "four"} {
		a := Allocation(t, name)
		a.CreatedAt = noon().Add(time.Duration(i) * time.Second)
		must(t, l.Begin(ctx, a))
		all = append(all, a)
	}
	finish(t, l, all[0].ID, core.Gone)
	value(l.Change(ctx, all[1].ID, step("moved"), func(a *core.Allocation) error {
		a.State, a.Offer = core.Creating, &a.Placement.Quotes[1]
		return nil
	}))(t)
	for _, c := range []struct {
		what   string
		filter ledger.Filter
		want   []int
	}{
		{"not final", ledger.Filter{}, []int{3, 2, 1}},
		{"all", ledger.Filter{Final: true}, []int{3, 2, 1, 0}},
		{"by state", ledger.Filter{States: []core.State{core.Creating}}, []int{1}},
		{"by states", ledger.Filter{States: []core.State{core.Creating, core.Gone}}, []int{1, 0}},
		{"by provider", ledger.Filter{Provider: "rack2"}, []int{1}},
		{"by provider, all", ledger.Filter{Provider: "rack1", Final: true}, []int{3, 2, 0}},
		{"by both", ledger.Filter{Provider: "rack1", States: []core.State{core.Creating}}, nil},
	} {
		var want []string
		for _, i := range c.want {
			want = append(want, all[i].ID)
		}
		same(t, c.what, ids(value(store().Allocations(ctx, c.filter))(t)), want)
	}
	row := value(l.Allocations(ctx, ledger.Filter{States: []core.State{core.Creating}}))(t)[0]
	whole := value(l.Allocation(ctx, row.ID))(t)
	whole.Placement = core.Placement{}
	same(t, "a row of the list", row, whole)
}

func testChange(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	other := store()
	value(other.Change(ctx, a.ID, step("one"), func(a *core.Allocation) error { a.Message = "one"; return nil }))(t)
	value(l.Change(ctx, a.ID, core.Event{}, func(a *core.Allocation) error { a.Message += ", two"; return nil }))(t)
	if got := value(other.Allocation(ctx, a.ID))(t); got.Message != "one, two" {
		t.Errorf("message %q", got.Message)
	}

	mine := errors.New("mine")
	_, err := l.Change(ctx, a.ID, step("three"), func(a *core.Allocation) error { a.Message = "three"; return mine })
	if err != mine {
		t.Errorf("error %v, want the function's own as it is", err)
	}
	if got := value(l.Allocation(ctx, a.ID))(t); got.Message != "one, two" {
		t.Errorf("message %q after a change that was refused", got.Message)
	}
	var steps []string
	for _, e := range value(l.Events(ctx, ledger.Query{Allocation: a.ID}))(t) {
		steps = append(steps, e.Step)
	}
	same(t, "events", steps, []string{ledger.StepBegun, "one"})
	_, err = l.Change(ctx, ledger.NewID(), step("x"), func(*core.Allocation) error { return nil })
	refused(t, "change of none", err, core.NotFound)
}

func testChangeRules(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	got := value(l.Change(ctx, a.ID, step("x"), func(a *core.Allocation) error {
		a.ID, a.CreatedAt, a.PledgeHash, a.Pledge.Slots = "zzzzzzzzzz", time.Time{}, "", 99
		return nil
	}))(t)
	same(t, "what stays", []any{got.ID, got.CreatedAt, got.PledgeHash, got.Pledge.Slots},
		[]any{a.ID, a.CreatedAt, a.PledgeHash, a.Pledge.Slots})

	_, err := l.Change(ctx, a.ID, step("x"), func(a *core.Allocation) error { a.State = ""; return nil })
	refused(t, "no state", err, core.Invalid)
	_, err = l.Change(ctx, a.ID, core.Event{Text: "no step"}, func(a *core.Allocation) error { a.Message = "x"; return nil })
	refused(t, "an event without a step", err, core.Invalid)
	if m := value(l.Allocation(ctx, a.ID))(t).Message; m != "" {
		t.Errorf("message %q without its event", m)
	}
}
