package alloc

import "time"

// How looks for what may be absent are spaced.
const (
	firstLook   = 250 * time.Millisecond
	longestLook = 5 * time.Second
)

// looks spaces out the looks for something that is absent and has to stay so for
// a window: close together at first, when it is most likely to appear, then ever
// further apart, and the last one when the window has passed.
type looks struct {
	since time.Time
	next  time.Duration
}

// absent is told of a look that found nothing. It says whether absence has lasted,
// or else how long to wait for the next look.
func (l *looks) absent(now time.Time, window time.Duration) (wait time.Duration, lasted bool) {
	if l.since.IsZero() {
		l.since, l.next = now, min(firstLook, max(window/4, time.Millisecond))
	}
	left := window - now.Sub(l.since)
	if left <= 0 {
		return 0, true
	}
	wait = min(l.next, left)
	l.next = min(2*l.next, longestLook)
	return wait, false
}

// reset begins anew: what could not be looked for is not known to be absent.
func (l *looks) reset() { *l = looks{} }
