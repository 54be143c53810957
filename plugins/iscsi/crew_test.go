package iscsi

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// One that hangs keeps nobody: neither those that come after it, nor, after a while,
// the caller.
func TestCrewLeavesWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		c := &crew{places: make(chan struct{}, 2), patience: time.Second}
		var done atomic.Int32
		c.do(func() { <-hang })
		for range 100 {
			c.do(func() { done.Add(1) })
		}
		begun := time.Now()
		if c.wait(); done.Load() != 100 || time.Since(begun) != time.Second {
			t.Errorf("%d of 100 in %v", done.Load(), time.Since(begun))
		}
		c.do(func() { <-hang })
		begun = time.Now()
		if c.do(func() { done.Add(1) }); done.Load() != 100 || time.Since(begun) != time.Second {
			t.Errorf("without a place: %d, after %v", done.Load(), time.Since(begun))
		}
		all := &crew{places: make(chan struct{}, 2)}
		all.do(func() { time.Sleep(time.Hour) })
		begun = time.Now()
		if all.wait(); time.Since(begun) != time.Hour {
			t.Errorf("without patience it waits %v, want an hour", time.Since(begun))
		}
	})
}

// What is being worked on is not begun a second time.
func TestKeeperTakesOnce(t *testing.T) {
	k := &keeper{store: &store{log: slog.New(slog.DiscardHandler)}, next: map[string]*delay{}, at: map[string]time.Time{}}
	if !k.take("a") || k.take("a") || !k.take("b") {
		t.Error("want each once")
	}
	k.leave("a")
	if !k.take("a") {
		t.Error("not to be had again")
	}
}
