package alloc

import (
	"testing"
	"time"
)

// A window of half a minute takes ten looks, not a hundred, and the last one comes
// when it has passed.
func TestLooksAreSpaced(t *testing.T) {
	for _, c := range []struct {
		window time.Duration
		most   int
	}{{0, 1}, {time.Millisecond, 2}, {250 * time.Millisecond, 4}, {time.Second, 4}, {30 * time.Second, 12}, {10 * time.Minute, 130}} {
		var l looks
		begin := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		now, n := begin, 0
		for {
			n++
			wait, lasted := l.absent(now, c.window)
			if lasted {
				break
			}
			if wait <= 0 {
				t.Fatalf("window %s: look %d waits %s", c.window, n, wait)
			}
			now = now.Add(wait)
		}
		if n > c.most || now.Sub(begin) != c.window {
			t.Errorf("window %s: %d looks over %s, want at most %d", c.window, n, now.Sub(begin), c.most)
		}
	}
}
