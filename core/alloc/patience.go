package alloc

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// patience spaces out tries at something that does not succeed, and ends them.
type patience struct {
	limit time.Duration
	now   func() time.Time
	since time.Time
	next  *backoff.ExponentialBackOff
}

func newPatience(limit time.Duration, now func() time.Time) *patience {
	p := &patience{limit: limit, now: now, next: backoff.NewExponentialBackOff()}
	p.next.InitialInterval, p.next.MaxInterval = firstPause, longestPause
	p.reset()
	return p
}

// reset begins anew after a success.
func (p *patience) reset() {
	p.since = p.now()
	p.next.Reset()
}

// wait pauses, for at least the given time, and reports whether there is
// patience left for another try.
func (p *patience) wait(ctx context.Context, atLeast time.Duration) bool {
	d := max(p.next.NextBackOff(), atLeast)
	if p.now().Add(d).Sub(p.since) > p.limit {
		return false
	}
	pause(ctx, d)
	return ctx.Err() == nil
}
