package alloc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func TestStartMakesOneMachine(t *testing.T) {
	w := newWorld(t, "0.01", "0.02")
	w.clouds["c1"].slow = 2
	a, err := w.start(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	if a.State != core.Running || a.Offer.Provider != "c1" || a.Instance == nil || w.machines() != 1 {
		t.Errorf("%+v with %d machines", a, w.machines())
	}
	w.truth(a.ID)
	events, err := w.ledger.Events(t.Context(), ledger.Query{Allocation: a.ID})
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, e := range events {
		steps = append(steps, e.Step)
	}
	if got := strings.Join(steps, " "); got != "begun create.intended create.made running" {
		t.Errorf("events: %s", got)
	}
	if s, err := w.ledger.Secrets(t.Context(), a.ID); err == nil && !s.IsZero() {
		t.Error("the secrets outlived the creation")
	}
}

func TestRefusalMovesOn(t *testing.T) {
	w := newWorld(t, "0.01", "0.02")
	w.clouds["c1"].createFault = func(int, bool) error {
		return &core.Error{Kind: core.Exhausted, Scope: core.ScopeCapacity, Text: "full"}
	}
	a, err := w.start(t.Context(), "web1")
	if err != nil || a.Offer.Provider != "c2" {
		t.Fatalf("%v, %v", a.Offer, err)
	}
	attempts, err := w.ledger.Attempts(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(attempts) != 2 || attempts[0].Owner.Key == attempts[1].Owner.Key || attempts[0].State != core.AttemptRefused {
		t.Errorf("attempts: %+v", attempts)
	}
	if w.clouds["c1"].deletes == 0 {
		t.Error("nobody made sure that nothing is left at c1")
	}
	w.truth(a.ID)
}

func TestAllRefuse(t *testing.T) {
	w := newWorld(t, "0.01", "0.02")
	for _, c := range w.clouds {
		c.createFault = func(int, bool) error { return &core.Error{Kind: core.Exhausted, Scope: core.ScopeQuota, Text: "quota"} }
	}
	a, err := w.start(t.Context(), "web1")
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Kind != core.Exhausted || e.Scope != core.ScopeQuota || len(e.Faults) != 2 || a.State != core.Failed {
		t.Errorf("%s: %+v", a.State, err)
	}
	w.truth(a.ID)
}

// TestIntentBeforeEffect: whenever a provider is asked to make or to remove a
// machine, the ledger holds that it will be.
func TestIntentBeforeEffect(t *testing.T) {
	w := newWorld(t, "0.01", "0.02")
	asked := map[core.AttemptState]int{}
	committed := func(states ...core.AttemptState) {
		all, err := w.ledger.Allocations(t.Context(), ledger.Filter{Final: true})
		if err != nil || len(all) != 1 {
			t.Errorf("%d allocations, %v", len(all), err)
			return
		}
		attempts, err := w.ledger.Attempts(t.Context(), all[0].ID)
		if err != nil || len(attempts) == 0 {
			t.Errorf("a provider is asked with %d attempts in the ledger, %v", len(attempts), err)
			return
		}
		last := attempts[len(attempts)-1]
		if !slices.Contains(states, last.State) {
			t.Errorf("a provider is asked while attempt %d is %s, want %v", last.Number, last.State, states)
		}
		asked[last.State]++
	}
	for name, c := range w.clouds {
		c.createFault = func(_ int, after bool) error {
			if !after {
				committed(core.AttemptIntended, core.AttemptMade)
			}
			if name == "c1" {
				return core.Errorf(core.Exhausted, "full")
			}
			return nil
		}
		c.deleteFault = func() error {
			committed(core.AttemptUndoing)
			return nil
		}
	}
	a, err := w.start(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine(nil).Release(t.Context(), a.ID, nil); err != nil {
		t.Fatal(err)
	}
	if asked[core.AttemptIntended] != 2 || asked[core.AttemptUndoing] < 2 {
		t.Errorf("asked %v: want 2 Creates and the removal of both", asked)
	}
}
