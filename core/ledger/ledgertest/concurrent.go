package ledgertest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func testLock(t *testing.T, store Store) {
	one, two, ctx := store(), store(), t.Context()
	a, b := begun(t, one, "a"), begun(t, one, "b")
	unlock := value(one.Lock(ctx, a.ID))(t)
	for what, l := range map[string]ledger.Ledger{"another broker": two, "the same": one} {
		_, err := l.Lock(ctx, a.ID)
		e := refused(t, what, err, core.Busy)
		if !strings.Contains(e.Text, "process ") || !strings.Contains(e.Text, " since ") {
			t.Errorf("%s: %q does not say who has it since when", what, e.Text)
		}
	}
	value(two.Lock(ctx, b.ID))(t) // another allocation's
	unlock()
	again := value(two.Lock(ctx, a.ID))(t)
	unlock() // to no effect: it is not ours any more
	_, err := one.Lock(ctx, a.ID)
	refused(t, "after a second unlock", err, core.Busy)
	again()

	value(one.Lock(ctx, a.ID))(t)
	must(t, one.Close())
	value(two.Lock(ctx, a.ID))(t)
	_, err = two.Lock(ctx, "../x")
	refused(t, "a path", err, core.Invalid)
}

// testConcurrent: many writers of several brokers lose nothing and see no
// storage in use.
func testConcurrent(t *testing.T, store Store) {
	const brokers, writers, rounds = 3, 4, 10
	ctx := t.Context()
	first := store()
	a := begun(t, first, "web")
	must(t, first.AddAttempt(ctx, Attempt(a, 1), step("x")))
	count := func(a *core.Allocation) error {
		n, _ := strconv.Atoi(a.Message)
		a.Message = strconv.Itoa(n + 1)
		return nil
	}
	var group sync.WaitGroup
	for range brokers {
		l := store()
		for range writers {
			group.Go(func() {
				for range rounds {
					_, err := l.Change(ctx, a.ID, step("count"), count)
					err = errors.Join(err, l.ChangeAttempt(ctx, a.ID, 1, step("count"),
						func(_ *core.Attempt, a *core.Allocation) error { return count(a) }))
					_, listed := l.Allocations(ctx, ledger.Filter{})
					if err = errors.Join(err, listed); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	// Of those who want one name or one attempt, one gets it.
	var begun, attempted sync.Map
	for i := range brokers * writers {
		group.Go(func() {
			c := Allocation(t, "wanted")
			if err := first.Begin(ctx, c); err == nil {
				begun.Store(i, true)
			} else if core.KindOf(err) != core.Conflict {
				t.Error(err)
			}
			if err := first.AddAttempt(ctx, Attempt(a, 2), step("x")); err == nil {
				attempted.Store(i, true)
			} else if core.KindOf(err) != core.Conflict {
				t.Error(err)
			}
		})
	}
	group.Wait()
	const want = brokers * writers * rounds * 2
	if got := value(first.Allocation(ctx, a.ID))(t).Message; got != strconv.Itoa(want) {
		t.Errorf("counted to %s, want %d", got, want)
	}
	counted := 0
	for _, e := range value(first.Events(ctx, ledger.Query{Allocation: a.ID}))(t) {
		if e.Step == "count" {
			counted++
		}
	}
	same(t, "events", counted, want)
	for what, m := range map[string]*sync.Map{"name": &begun, "attempt": &attempted} {
		n := 0
		m.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("%d got the same %s", n, what)
		}
	}
}

// testFollowEvents: a reader that goes on after the last Seq it saw misses
// nothing, whoever writes.
func testFollowEvents(t *testing.T, store Store) {
	const writers, each = 4, 25
	ctx := t.Context()
	reader := store()
	var group sync.WaitGroup
	for range writers {
		l := store()
		group.Go(func() {
			for range each {
				if err := l.AddEvent(ctx, step("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	seen, last := 0, int64(0)
	for final := false; !final; {
		select {
		case <-done:
			final = true
		default:
		}
		for _, e := range value(reader.Events(ctx, ledger.Query{After: last}))(t) {
			seen, last = seen+1, e.Seq
		}
	}
	if seen != writers*each {
		t.Errorf("saw %d events of %d", seen, writers*each)
	}
}

func testCancelled(t *testing.T, store Store) {
	l := store()
	a := begun(t, l, "web")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := l.Change(ctx, a.ID, step("x"), func(a *core.Allocation) error {
		a.Message = "half"
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's own", err)
	}
	if m := value(l.Allocation(t.Context(), a.ID))(t).Message; m != "" {
		t.Errorf("message %q of a change that was cancelled", m)
	}
	_, err = l.Lock(ctx, a.ID)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("lock: error %v, want the context's own", err)
	}
}

func testClosed(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	must(t, l.Close())
	must(t, l.Close())
	_, err := l.Allocation(ctx, a.ID)
	refused(t, "read", err, core.Unavailable)
	refused(t, "write", l.AddEvent(ctx, step("x")), core.Unavailable)
	_, err = l.Lock(ctx, a.ID)
	refused(t, "lock", err, core.Unavailable)
}
