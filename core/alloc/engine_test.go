package alloc_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// world is a ledger and some clouds; engines come and go in it.
type world struct {
	t      *testing.T
	ledger ledger.Ledger
	clouds map[string]*cloud
	// later is how far the engines' clock is ahead.
	later time.Duration
}

func newWorld(t *testing.T, amounts ...string) *world {
	t.Helper()
	w := &world{t: t, clouds: map[string]*cloud{}}
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	w.ledger = l
	for i, amount := range amounts {
		name := fmt.Sprintf("c%d", i+1)
		w.clouds[name] = newCloud(name, amount, time.Now())
		if err := l.PutProvider(t.Context(), core.ProviderConfig{Name: name, Plugin: "cloud"}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) engine(step func(string)) *alloc.Engine {
	return alloc.New(alloc.Options{
		Ledger: w.ledger, Patience: 300 * time.Millisecond, Step: step, Now: func() time.Time { return time.Now().Add(w.later) },
		Provider: func(_ context.Context, name string) (alloc.Provider, error) { return w.clouds[name], nil },
	})
}

// request places the clouds in the order of their names.
func (w *world) request(name string) alloc.Request {
	req := alloc.Request{Name: name, Pledge: core.Pledge{Slots: 1, UserData: core.NewSecret("#!/bin/true")}, PledgeHash: "h"}
	for i := range len(w.clouds) {
		req.Placement.Quotes = append(req.Placement.Quotes, w.clouds[fmt.Sprintf("c%d", i+1)].quote(fmt.Sprintf("q%d", i+1)))
	}
	return req
}

func (w *world) start(ctx context.Context, name string) (core.Allocation, error) {
	return w.engine(nil).Start(ctx, w.request(name), nil)
}

func (w *world) machines() int {
	n := 0
	for _, c := range w.clouds {
		n += c.count()
	}
	return n
}

// truth fails the test unless the clouds hold exactly what the ledger says of
// the allocation.
func (w *world) truth(id string) core.Allocation {
	w.t.Helper()
	a, err := w.ledger.Allocation(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	attempts, err := w.ledger.Attempts(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	held := map[string]bool{}
	for _, c := range w.clouds {
		for key := range c.machines {
			held[key] = true
		}
	}
	for _, t := range attempts {
		if (t.State == core.AttemptRefused || t.State == core.AttemptRemoved) && held[t.Owner.Key] {
			w.t.Errorf("attempt %d is %s, and %s holds a machine under it", t.Number, t.State, t.Quote.Provider)
		}
	}
	switch {
	case len(held) > 1:
		w.t.Errorf("%d machines under one allocation: %v", len(held), held)
	case a.State.Final() && len(held) != 0:
		w.t.Errorf("allocation is %s, and %v is held", a.State, held)
	case a.State == core.Running && (len(held) != 1 || !held[attempts[len(attempts)-1].Owner.Key]):
		w.t.Errorf("allocation runs, and %v is held", held)
	}
	return a
}

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

func TestQuoteBinds(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*cloud)
		kind   core.Kind
		want   string
	}{
		{"dearer", func(c *cloud) { c.amount = "0.011" }, core.Conflict, "price rose from"},
		{"another machine", func(c *cloud) { c.vcpus = 1 }, core.Conflict, "machine changed from"},
		{"cheaper", func(c *cloud) { c.amount = "0.009" }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "0.01", "0.02")
			req := w.request("web1")
			c.change(w.clouds["c1"])
			a, err := w.engine(nil).Start(t.Context(), req, nil)
			if core.KindOf(err) != c.kind || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %s with %q", err, c.kind, c.want)
			}
			if err != nil {
				if a.State != core.Failed || w.clouds["c1"].creates+w.clouds["c2"].creates > 0 {
					t.Errorf("%s after %d Creates", a.State, w.clouds["c1"].creates+w.clouds["c2"].creates)
				}
			} else if got := a.Offer.Price.Hour.Amount(); got != "0.009" {
				t.Errorf("bought at %s", got)
			}
			w.truth(a.ID)
		})
	}
}

// A fallback that has become dearer is passed over: only the first was shown as
// the one to be bought.
func TestDearerFallbackIsPassedOver(t *testing.T) {
	w := newWorld(t, "0.01", "0.02", "0.03")
	req := w.request("web1")
	w.clouds["c1"].offered = false
	w.clouds["c2"].amount = "0.025"
	a, err := w.engine(nil).Start(t.Context(), req, nil)
	if err != nil || a.Offer.Provider != "c3" || w.clouds["c2"].creates > 0 {
		t.Errorf("%v, %v", a.Offer, err)
	}
	w.truth(a.ID)
}

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

func TestInterruptUndoes(t *testing.T) {
	w := newWorld(t, "0.01")
	w.clouds["c1"].slow = 1 << 30
	ctx, cancel := context.WithCancel(t.Context())
	a, err := w.engine(nil).Start(ctx, w.request("web1"), func(step, _ string, _ int) {
		if step == "create.made" {
			cancel()
		}
	})
	if core.KindOf(err) != core.Interrupted || a.State != core.Failed || w.machines() != 0 {
		t.Errorf("%s, %v, %d machines", a.State, err, w.machines())
	}
	w.truth(a.ID)
}

func TestDeadlineLeavesItGoing(t *testing.T) {
	w := newWorld(t, "0.01")
	w.clouds["c1"].slow = 1 << 30
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	a, err := w.start(ctx, "web1")
	if core.KindOf(err) != core.Uncertain || a.State != core.Creating || w.machines() != 1 {
		t.Fatalf("%s, %v, %d machines", a.State, err, w.machines())
	}
	w.clouds["c1"].slow = 0
	if a, err = w.engine(nil).Drive(t.Context(), a.ID, nil); err != nil || a.State != core.Running {
		t.Errorf("%s, %v", a.State, err)
	}
	w.truth(a.ID)
}

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
	taken, errs := w.engine(nil).TakeOver(t.Context(), func(string) alloc.Report { return nil })
	if len(taken) != 1 || taken[0].State != core.Gone || len(errs) != 0 {
		t.Errorf("taken over: %+v, %v", taken, errs)
	}
	if a, err = w.engine(nil).Release(t.Context(), a.ID, nil); err != nil || a.State != core.Gone {
		t.Errorf("removing again: %s, %v", a.State, err)
	}
	w.truth(a.ID)
}

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
	taken, errs := w.engine(nil).TakeOver(t.Context(), func(string) alloc.Report { return nil })
	if len(taken) != 1 || taken[0].State != core.Running || len(errs) != 0 || w.machines() != 1 {
		t.Errorf("taken over: %+v, %v, with %d machines", taken, errs, w.machines())
	}
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
