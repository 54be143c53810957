package alloc_test

import (
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

// Where the plugin itself cannot be found, nothing is known of the machine:
// nobody else is asked, and nothing is given up.
func TestMissingPluginIsNoAbsence(t *testing.T) {
	w := newWorld(t, "0.01", "0.02")
	a := w.killedAt(t, "create.answered")
	w.clouds["c1"].describeFault = func() error { return core.Errorf(core.NotFound, "no such plugin") }
	w.later = 2 * time.Minute
	a, err := w.engine(nil).Drive(t.Context(), a.ID, nil)
	if core.KindOf(err) != core.Uncertain || a.State != core.Unsure || w.clouds["c2"].creates > 0 {
		t.Fatalf("%s, %v, %d Creates at c2", a.State, err, w.clouds["c2"].creates)
	}
	w.clouds["c1"].describeFault = nil
	if a, err = w.engine(nil).Drive(t.Context(), a.ID, nil); err != nil || a.State != core.Running {
		t.Errorf("%s, %v", a.State, err)
	}
	w.truth(a.ID)
}

// A provider that says it removed what stays is asked again, with patience.
func TestRemovalThatDoesNothing(t *testing.T) {
	w := newWorld(t, "0.01")
	a := w.killedAt(t, "create.answered")
	w.clouds["c1"].lame = true
	a, err := w.engine(nil).Release(t.Context(), a.ID, nil)
	if core.KindOf(err) != core.Uncertain || a.State != core.Releasing {
		t.Fatalf("%s, %v", a.State, err)
	}
	if n := w.clouds["c1"].deletes; n < 2 || n > 10 {
		t.Errorf("%d removals were sent in 300 ms", n)
	}
	w.clouds["c1"].lame = false
	if a, err = w.engine(nil).Release(t.Context(), a.ID, nil); err != nil || a.State != core.Gone {
		t.Errorf("%s, %v", a.State, err)
	}
	w.truth(a.ID)
}

// Absence is believed when it has lasted for the provider's window, even one
// longer than the engine's patience; then the Create is sent again.
func TestAbsenceMustLast(t *testing.T) {
	w := newWorld(t, "0.01")
	c := w.clouds["c1"]
	c.window = 400
	c.createFault = func(n int, after bool) error {
		if n == 1 && !after {
			return core.Errorf(core.Uncertain, "connection lost")
		}
		return nil
	}
	begin := time.Now()
	a, err := w.start(t.Context(), "web1")
	if took := time.Since(begin); err != nil || a.State != core.Running || took < 400*time.Millisecond {
		t.Errorf("%s, %v, after %s", a.State, err, took)
	}
	w.truth(a.ID)
}

// TestStraggler: a Create that was under way when its attempt was removed, and
// has its effect only then, is seen within the provider's window and removed too.
func TestStraggler(t *testing.T) {
	w := newWorld(t, "0.01")
	c := w.clouds["c1"]
	c.window = 150
	c.createFault = func(int, bool) error { return core.Errorf(core.Uncertain, "connection lost") }
	c.getFault = func() error { return core.Errorf(core.Unavailable, "not reached") }
	a, err := w.start(t.Context(), "web1")
	if core.KindOf(err) != core.Uncertain {
		t.Fatalf("%s, %v", a.State, err)
	}
	attempts, err := w.ledger.Attempts(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	var late sync.WaitGroup
	c.getFault = nil
	c.deleteFault = func() error {
		if c.deletes == 1 {
			late.Go(func() {
				time.Sleep(30 * time.Millisecond)
				c.mu.Lock()
				defer c.mu.Unlock()
				owner := attempts[0].Owner
				c.machines[owner.Key] = core.Instance{ID: "id-" + owner.Key, Provider: "c1", Owner: owner, State: core.Running, Zone: "z1"}
			})
		}
		return nil
	}
	a, err = w.engine(nil).Release(t.Context(), a.ID, nil)
	late.Wait()
	if err != nil || a.State != core.Gone || w.machines() != 0 {
		t.Errorf("%s, %v, with %d machines", a.State, err, w.machines())
	}
	w.truth(a.ID)
}
