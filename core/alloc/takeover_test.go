package alloc_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
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

// releasing begins so many allocations, makes their machines and records that
// they are to be removed; it returns their ids, newest first.
func (w *world) releasing(n int) []string {
	w.t.Helper()
	for i := range n {
		a, err := w.start(w.t.Context(), fmt.Sprintf("web%d", i))
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.ledger.Change(w.t.Context(), a.ID, core.Event{Step: "x"}, func(a *core.Allocation) error {
			a.State = core.Releasing
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	all, err := w.ledger.Allocations(w.t.Context(), ledger.Filter{})
	if err != nil || len(all) != n {
		w.t.Fatalf("%d allocations, %v", len(all), err)
	}
	return idsOf(all)
}

func idsOf(all []core.Allocation) []string {
	var ids []string
	for _, a := range all {
		ids = append(ids, a.ID)
	}
	return ids
}

// gathering is a Step at which drives wait for each other.
type gathering struct {
	at, until string
	size      int

	mu       sync.Mutex
	in, most int
	full     chan struct{}
}

func newGathering(at, until string, size int) *gathering {
	return &gathering{at: at, until: until, size: size, full: make(chan struct{})}
}

func (g *gathering) step(name string) {
	g.mu.Lock()
	switch name {
	case g.at:
		if g.in++; g.in > g.most {
			if g.most = g.in; g.most == g.size {
				close(g.full)
			}
		}
	case g.until:
		g.in--
	}
	g.mu.Unlock()
	if name == g.at {
		select {
		case <-g.full:
		case <-time.After(20 * time.Second): // the test has failed
		}
	}
}

// Many are taken over at once, so that those at a dead provider use up their
// patience together, yet never more than eight; each is told of by its name, and
// they come back in the ledger's order.
func TestTakeOverOfMany(t *testing.T) {
	const atOnce = 8
	w := newWorld(t, "0.01")
	ids := w.releasing(2*atOnce + 3)
	g := newGathering("delete.send", "removed.committed", atOnce)
	var mu sync.Mutex
	told := map[string]bool{}
	taken, errs := w.engine(g.step).TakeOver(t.Context(), func(a core.Allocation) alloc.Report {
		return func(step, _ string, _ int) {
			mu.Lock()
			defer mu.Unlock()
			told[a.ID+a.Name+step] = true
		}
	})
	if g.most != atOnce {
		t.Errorf("%d at once, want %d", g.most, atOnce)
	}
	if len(errs) != 0 || w.machines() != 0 || !slices.Equal(idsOf(taken), ids) {
		t.Errorf("taken over: %v, %v, with %d machines; want %v", idsOf(taken), errs, w.machines(), ids)
	}
	for _, a := range taken {
		if a.State != core.Gone || !told[a.ID+a.Name+"gone"] {
			t.Errorf("%s is %s; told of its end %v", a.Name, a.State, told[a.ID+a.Name+"gone"])
		}
	}
}

// The end of the context ends all: those under way are left as they are, and
// the others are not begun.
func TestTakeOverOfManyIsInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		cause error
		kind  core.Kind
	}{
		"interrupted": {context.Canceled, core.Interrupted},
		"too late":    {context.DeadlineExceeded, core.Uncertain},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "0.01")
			ids := w.releasing(10)
			w.clouds["c1"].deleteFault = func() error { return core.Errorf(core.Unavailable, "no route") }
			ctx, cancel := context.WithCancelCause(t.Context())
			g := newGathering("delete.send", "", 8)
			go func() {
				<-g.full
				cancel(c.cause)
			}()
			engine := w.engine(g.step)
			engine.Patience = time.Hour
			taken, errs := engine.TakeOver(ctx, func(core.Allocation) alloc.Report { return nil })
			if !slices.Equal(idsOf(taken), ids[:8]) || len(errs) != 9 {
				t.Errorf("taken over: %v, %v", idsOf(taken), errs)
			}
			for id, err := range errs {
				if core.KindOf(err) != c.kind {
					t.Errorf("%s: %v of kind %s, want %s", id, err, core.KindOf(err), c.kind)
				}
			}
			if err := errs[""]; err == nil || !strings.Contains(err.Error(), "before 2 more allocations were taken over") {
				t.Errorf("of those that were not begun: %v", err)
			}
			if w.machines() != 10 {
				t.Errorf("%d machines, want all 10", w.machines())
			}
		})
	}
}
