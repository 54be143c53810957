package alloc_test

import (
	"testing"

	"github.com/mesoncloud/meson/core"
)

func TestOneDriver(t *testing.T) {
	w := newWorld(t, "0.01")
	a, err := w.start(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := w.ledger.Lock(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := w.engine(nil).Release(t.Context(), a.ID, nil); core.KindOf(err) != core.Busy {
		t.Errorf("released what another drives: %v", err)
	}
	if w.machines() != 1 {
		t.Error("it is gone")
	}
}

// TestDriversTakeTurns: a command that finds another at work on its machine
// waits for it rather than sending its user away.
func TestDriversTakeTurns(t *testing.T) {
	w := newWorld(t, "0.01")
	a, err := w.start(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := w.ledger.Lock(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	told := false
	a, err = w.engine(nil).Release(t.Context(), a.ID, func(step, _ string, _ int) {
		if step == "lock.waiting" {
			told = true
			unlock()
		}
	})
	if err != nil || a.State != core.Gone || !told {
		t.Errorf("state %s, told of the wait %v, %v", a.State, told, err)
	}
}
