package alloc_test

import (
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
)

func TestReleaseKeepsAtItUntilGone(t *testing.T) {
	w := newWorld(t, "0.01")
	a, err := w.start(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	w.clouds["c1"].deleteFault = func() error { return core.Errorf(core.Unavailable, "no route") }
	a, err = w.engine(nil).Release(t.Context(), a.ID, nil)
	if core.KindOf(err) != core.Uncertain || a.State != core.Releasing {
		t.Fatalf("%s, %v", a.State, err)
	}
	w.clouds["c1"].deleteFault = nil
	taken, errs := w.engine(nil).TakeOver(t.Context(), func(core.Allocation) alloc.Report { return nil })
	if len(taken) != 1 || taken[0].State != core.Gone || len(errs) != 0 {
		t.Errorf("taken over: %+v, %v", taken, errs)
	}
	if a, err = w.engine(nil).Release(t.Context(), a.ID, nil); err != nil || a.State != core.Gone {
		t.Errorf("removing again: %s, %v", a.State, err)
	}
	w.truth(a.ID)
}
