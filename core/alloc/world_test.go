package alloc_test

import (
	"context"
	"fmt"
	"path/filepath"
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
	// vaults are there where there are volumes.
	vaults map[string]*vault
	// price is as in alloc.Options.
	price func(context.Context, *core.Answer, core.Quote) ([]core.Quote, []core.Reason, error)
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
		Ledger: w.ledger, Price: w.price, Patience: 300 * time.Millisecond, Step: step, Now: func() time.Time { return time.Now().Add(w.later) },
		Provider: func(_ context.Context, name string) (alloc.Provider, error) { return w.clouds[name], nil },
		Storage:  func(_ context.Context, name string) (alloc.Storage, error) { return w.vaults[name], nil },
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
