package ledgertest

import (
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func testEvents(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a, b := begun(t, l, "a"), begun(t, l, "b")
	e := core.Event{Seq: 99, Allocation: a.ID, Time: noon(), Step: "create.sent", Attempt: 2, Text: "to rack1\x00\n<é\xff>"}
	must(t, l.AddEvent(ctx, e))
	must(t, l.AddEvent(ctx, core.Event{Allocation: b.ID, Step: "other"}))
	must(t, l.AddEvent(ctx, core.Event{Step: "of none"}))
	all := value(store().Events(ctx, ledger.Query{}))(t)
	if len(all) != 5 {
		t.Fatalf("%d events, want 5", len(all))
	}
	for i, e := range all {
		if i > 0 && e.Seq <= all[i-1].Seq {
			t.Errorf("event %d after %d", e.Seq, all[i-1].Seq)
		}
		if e.Time.IsZero() {
			t.Errorf("event %d has no time", e.Seq)
		}
	}
	e.Seq, e.Text = all[2].Seq, "to rack1\uFFFD\n<é\uFFFD>"
	same(t, "event", all[2], e)

	of := func(what string, q ledger.Query, want ...core.Event) {
		t.Helper()
		same(t, what, value(l.Events(ctx, q))(t), want)
	}
	of("of one", ledger.Query{Allocation: a.ID}, all[0], all[2])
	of("after", ledger.Query{After: all[2].Seq}, all[3], all[4])
	of("limited", ledger.Query{Limit: 2}, all[0], all[1])
	of("all three", ledger.Query{Allocation: a.ID, After: all[0].Seq, Limit: 1}, all[2])
	of("none", ledger.Query{After: all[4].Seq})

	refused(t, "no step", l.AddEvent(ctx, core.Event{Allocation: a.ID}), core.Invalid)
	refused(t, "no such allocation", l.AddEvent(ctx, core.Event{Allocation: ledger.NewID(), Step: "x"}), core.NotFound)
}

func testRefusals(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	put := func(provider, zone, shape string, scope core.Scope, minutes int) ledger.Refusal {
		r := ledger.Refusal{
			Provider: provider, Zone: zone, Shape: shape, Scope: scope, Text: "no " + shape,
			Until: noon().Add(time.Duration(minutes) * time.Minute),
		}
		must(t, l.Remember(ctx, r))
		return r
	}
	put("p", "z1", "s1", core.ScopeCapacity, 1)
	longer := put("p", "z1", "s1", core.ScopeCapacity, 9)
	quota := put("p", "z1", "s1", core.ScopeQuota, 5)
	zone := put("p", "z2", "", core.ScopeCapacity, 5)
	other := put("q", "z1", "s1", core.ScopeCapacity, 5)
	whole := put("p", "", "", "", 60)
	put("p", "z1", "ended", core.ScopeCapacity, 0)
	shape := put("p", "", "s2", core.ScopeQuota, 5)
	holds := func(what string, minutes int, want ...ledger.Refusal) {
		t.Helper()
		same(t, what, value(store().Refusals(ctx, noon().Add(time.Duration(minutes)*time.Minute)))(t), want)
	}
	holds("all", 0, whole, shape, longer, quota, zone, other)
	holds("later", 5, whole, longer)

	must(t, l.Forget(ctx, "p", "z2", "s9"))
	holds("after a success in z2", 0, shape, longer, quota, other)
	must(t, l.Forget(ctx, "p", "z1", "s1"))
	holds("after a success of s1", 0, shape, other)
	must(t, l.Forget(ctx, "p", "z1", "s1"))
	put("p", "z1", "s1", core.ScopeQuota, 5)
	must(t, l.Forget(ctx, "p", "", ""))
	holds("after all of p", 0, other)

	refused(t, "no provider", l.Remember(ctx, ledger.Refusal{Until: noon()}), core.Invalid)

	endless := ledger.Refusal{Provider: "p", Text: "bad token"}
	must(t, l.Remember(ctx, endless))
	must(t, l.Prune(ctx, noon().AddDate(100, 0, 0)))
	holds("a hundred years on", 100*366*24*60, endless)
	must(t, l.Forget(ctx, "p", "z1", "s1"))
	holds("after a success of p", 0)
}
