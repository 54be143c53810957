package alloc_test

import (
	"context"
	"runtime"
	"slices"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// kill, in a Step, stops the engine at once, as kill -9 does: only what is
// committed, or at the provider, remains.
func kill() { runtime.Goexit() }

// until runs fn and reports whether a Step killed it. Where fn drives several
// allocations, a kill ends the drive of one.
func until(fn func()) (was bool) {
	was = true
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
		was = false
	}()
	<-done
	return was
}

// killedAt is the allocation of a deploy that was killed at a step.
func (w *world) killedAt(t *testing.T, step string) core.Allocation {
	t.Helper()
	if !until(func() {
		_, err := w.engine(func(s string) {
			if s == step {
				kill()
			}
		}).Start(t.Context(), w.request("web1"), nil)
		t.Errorf("not killed: %v", err)
	}) {
		t.FailNow()
	}
	list, err := w.ledger.Allocations(t.Context(), ledger.Filter{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d allocations, %v", len(list), err)
	}
	return list[0]
}

// worlds are what deploy can meet on its way.
func worlds() map[string]func(*world) {
	return map[string]func(*world){
		"smooth":            func(*world) {},
		"slow":              func(w *world) { w.clouds["c1"].slow = 2 },
		"first refuses":     func(w *world) { w.clouds["c1"].createFault = refuse },
		"first not offered": func(w *world) { w.clouds["c1"].offered = false },
		"all refuse":        func(w *world) { w.clouds["c1"].createFault, w.clouds["c2"].createFault = refuse, refuse },
		"lost after effect": func(w *world) {
			w.clouds["c1"].createFault = func(n int, after bool) error {
				if n == 1 && after {
					return core.Errorf(core.Uncertain, "connection lost")
				}
				return nil
			}
		},
		"first fails late": func(w *world) {
			w.clouds["c1"].slow = 1
			w.clouds["c1"].createFault = func(n int, after bool) error {
				if n > 1 && !after {
					return core.Errorf(core.Exhausted, "no memory after all")
				}
				return nil
			}
		},
	}
}

func refuse(int, bool) error { return core.Errorf(core.Exhausted, "full") }

// Deploy and rm are killed at every step that they take, in every world, and so
// is the take-over that follows: after it, the clouds hold exactly what the
// ledger says.
func TestKillAtEveryStep(t *testing.T) {
	for name, prepare := range worlds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := 0
			for n := 1; ; n++ {
				w := newWorld(t, "0.01", "0.02")
				prepare(w)
				if !w.lifeKilledAt(t, n) {
					break
				}
				steps = n
			}
			if steps < 4 {
				t.Errorf("only %d steps were killed at", steps)
			}
		})
	}
}

// lifeKilledAt deploys and removes, killed at the n-th step, again at the n-th
// of the take-over, and then left to finish. It reports whether there was an
// n-th step.
func (w *world) lifeKilledAt(t *testing.T, n int) bool {
	t.Helper()
	count, reached := 0, false
	step := func(string) {
		if count++; count == n {
			reached = true
			kill()
		}
	}
	until(func() {
		a, err := w.engine(step).Start(t.Context(), w.request("web1"), nil)
		if err == nil {
			w.truth(a.ID)
			_, _ = w.engine(step).Release(t.Context(), a.ID, nil)
		}
	})
	list := w.all(t)
	if len(list) == 0 {
		if w.machines() != 0 {
			t.Fatalf("killed at step %d: machines and no allocation", n)
		}
		return reached
	}
	count = 0
	until(func() { w.engine(step).TakeOver(t.Context(), func(core.Allocation) alloc.Report { return nil }) })
	if _, errs := w.engine(nil).TakeOver(t.Context(), func(core.Allocation) alloc.Report { return nil }); hasUncertain(errs) {
		t.Fatalf("killed at step %d: %v", n, errs)
	}
	a := w.truth(list[0].ID)
	if !a.State.Final() && a.State != core.Running {
		t.Fatalf("killed at step %d: left as %s", n, a.State)
	}
	a, err := w.engine(nil).Release(context.Background(), a.ID, nil)
	if err != nil || !a.State.Final() || w.machines() != 0 {
		t.Fatalf("killed at step %d: %s, %v, %d machines after rm", n, a.State, err, w.machines())
	}
	return reached
}

func (w *world) all(t *testing.T) []core.Allocation {
	t.Helper()
	list, err := w.ledger.Allocations(t.Context(), ledger.Filter{Final: true})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func hasUncertain(errs map[string]error) bool {
	kinds := []core.Kind{}
	for _, err := range errs {
		kinds = append(kinds, core.KindOf(err))
	}
	return slices.Contains(kinds, core.Uncertain) || slices.Contains(kinds, core.Busy)
}
