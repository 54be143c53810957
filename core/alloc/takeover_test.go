package alloc_test

import (
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

func TestTakeOverNeverBuysAnExpiredOffer(t *testing.T) {
	w := newWorld(t, "0.01")
	a := w.killedAt(t, "create.intended.committed")
	w.later = 2 * time.Minute
	a, err := w.engine(nil).Drive(t.Context(), a.ID, nil)
	if core.KindOf(err) != core.Conflict || a.State != core.Failed || w.clouds["c1"].creates != 0 {
		t.Errorf("%s, %v, %d Creates", a.State, err, w.clouds["c1"].creates)
	}
	w.truth(a.ID)
}

func TestTakeOverAdoptsWhatExistsEvenIfExpired(t *testing.T) {
	w := newWorld(t, "0.01")
	a := w.killedAt(t, "create.answered")
	w.later = 2 * time.Minute
	a, err := w.engine(nil).Drive(t.Context(), a.ID, nil)
	if err != nil || a.State != core.Running || w.machines() != 1 {
		t.Errorf("%s, %v, %d machines", a.State, err, w.machines())
	}
	w.truth(a.ID)
}
