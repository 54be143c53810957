package alloc_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

func TestUncertainIsLookedUp(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("lost after the effect %v", after), func(t *testing.T) {
			w := newWorld(t, "0.01", "0.02")
			w.clouds["c1"].createFault = func(n int, isAfter bool) error {
				if n == 1 && isAfter == after {
					return core.Errorf(core.Uncertain, "connection lost")
				}
				return nil
			}
			a, err := w.start(t.Context(), "web1")
			if err != nil || a.Offer.Provider != "c1" || w.machines() != 1 {
				t.Errorf("%+v %v with %d machines", a.Offer, err, w.machines())
			}
			w.truth(a.ID)
		})
	}
}

// While a provider cannot say what it holds, nobody else is asked.
func TestNotKnownNeverMovesOn(t *testing.T) {
	w := newWorld(t, "0.01", "0.02")
	c := w.clouds["c1"]
	c.createFault = func(_ int, after bool) error {
		if after {
			return core.Errorf(core.Uncertain, "connection lost")
		}
		return nil
	}
	c.getFault = func() error { return core.Errorf(core.Unavailable, "no route") }
	a, err := w.start(t.Context(), "web1")
	if core.KindOf(err) != core.Uncertain || a.State != core.Unsure || w.clouds["c2"].creates > 0 {
		t.Fatalf("%s, %v, %d Creates at c2", a.State, err, w.clouds["c2"].creates)
	}
	c.createFault, c.getFault = nil, nil
	a, err = w.engine(nil).Drive(t.Context(), a.ID, nil)
	if err != nil || a.State != core.Running || a.Offer.Provider != "c1" {
		t.Errorf("after the provider came back: %s, %v", a.State, err)
	}
	w.truth(a.ID)
}

// fullLedger is one whose disk is full as soon as an attempt has been recorded.
type fullLedger struct{ ledger.Ledger }

func (fullLedger) ChangeAttempt(context.Context, string, int, core.Event, func(*core.Attempt, *core.Allocation) error) error {
	return core.Errorf(core.Internal, "database or disk is full")
}

// TestLedgerThatCannotBeWritten: what was made while the ledger could not be
// written is uncertain, never a plain failure, and a later drive finds it.
func TestLedgerThatCannotBeWritten(t *testing.T) {
	w := newWorld(t, "0.01")
	whole := w.ledger
	w.ledger = fullLedger{whole}
	_, err := w.start(t.Context(), "web1")
	if core.KindOf(err) != core.Uncertain || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("%s: %v, want uncertain and why", core.KindOf(err), err)
	}
	w.ledger = whole
	taken, errs := w.engine(nil).TakeOver(t.Context(), func(core.Allocation) alloc.Report { return nil })
	if len(taken) != 1 || taken[0].State != core.Running || len(errs) != 0 || w.machines() != 1 {
		t.Errorf("taken over: %+v, %v, with %d machines", taken, errs, w.machines())
	}
}
