package alloc_test

import (
	"context"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
)

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

// A deadline that passes just before a Create is sent refuses nothing: the offer
// stands, and a later drive sends it.
func TestDeadlineBeforeCreateRefusesNothing(t *testing.T) {
	w := newWorld(t, "0.01")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	asked := 0
	slow := alloc.New(alloc.Options{
		Ledger: w.ledger, Price: w.price, Patience: 300 * time.Millisecond, Now: time.Now,
		Provider: func(_ context.Context, name string) (alloc.Provider, error) {
			if asked++; asked == 2 { // the first time is for the price, the second for the Create
				<-ctx.Done()
			}
			return w.clouds[name], nil
		},
	})
	req := w.request("web1")
	req.Pledge.UserData = core.Secret{} // the ledger is asked whether there were any
	a, err := slow.Start(ctx, req, nil)
	if core.KindOf(err) != core.Uncertain || a.State != core.Creating || w.machines() != 0 {
		t.Fatalf("%s, %v, %d machines; want creating and Uncertain", a.State, err, w.machines())
	}
	if a, err = w.engine(nil).Drive(t.Context(), a.ID, nil); err != nil || a.State != core.Running {
		t.Errorf("%s, %v", a.State, err)
	}
	w.truth(a.ID)
}

// What an interrupted command left behind is undone by a later one, whose own
// success that is: it says that the interruption was before.
func TestInterruptedBefore(t *testing.T) {
	w := newWorld(t, "0.01")
	w.clouds["c1"].slow = 1 << 30
	ctx, cancel := context.WithCancel(t.Context())
	if !until(func() {
		_, err := w.engine(func(step string) {
			switch step {
			case "create.made.committed":
				cancel()
			case "abandoned.committed":
				kill()
			}
		}).Start(ctx, w.request("web1"), nil)
		t.Errorf("not killed: %v", err)
	}) {
		t.FailNow()
	}
	id := w.all(t)[0].ID
	w.clouds["c1"].deleteFault = func() error { return core.Errorf(core.Unavailable, "no route") }
	if a, err := w.engine(nil).Drive(t.Context(), id, nil); core.KindOf(err) != core.Uncertain || a.State.Final() {
		t.Fatalf("%s, %v", a.State, err)
	}
	w.clouds["c1"].deleteFault = nil
	a, err := w.engine(nil).Drive(t.Context(), id, nil)
	const want = "given up before: interrupted while creating; undone now"
	if err != nil || a.State != core.Failed || a.Message != want || w.machines() != 0 {
		t.Errorf("%s, %q, %v, with %d machines; want failed, %q", a.State, a.Message, err, w.machines(), want)
	}
	w.truth(id)
}
