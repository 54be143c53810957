package host

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mesoncloud/meson/core"
)

// restarts decides when a plugin that failed may be started again. It knows no
// clock, and is not safe for concurrent use.
type restarts struct {
	plugin  string
	backoff *backoff.ExponentialBackOff
	max     int

	next     time.Time
	failures []time.Time // within the last hour
	last     string
}

func newRestarts(plugin string, o Options) *restarts {
	return &restarts{
		plugin: plugin, max: o.MaxFailures,
		backoff: &backoff.ExponentialBackOff{
			InitialInterval: o.BackoffMin, MaxInterval: o.BackoffMax, Multiplier: 2, RandomizationFactor: 0.1,
		},
	}
}

// failed records that a plugin did not start, or died after so long a life. A
// life longer than the longest pause is a success: the pauses begin anew.
func (r *restarts) failed(now time.Time, life time.Duration, why string) {
	if life > r.backoff.MaxInterval {
		r.backoff.Reset()
	}
	r.next = now.Add(min(r.backoff.NextBackOff(), r.backoff.MaxInterval))
	r.failures = append(r.recent(now), now)
	r.last = why
}

// pause is how long to wait before the next start, or why there is none.
func (r *restarts) pause(now time.Time) (time.Duration, error) {
	r.failures = r.recent(now)
	if len(r.failures) < r.max {
		return max(r.next.Sub(now), 0), nil
	}
	again := r.failures[len(r.failures)-r.max].Add(time.Hour).Sub(now)
	return 0, &core.Error{
		Kind: core.Unavailable, Op: "start plugin", Subject: "plugin " + r.plugin, Source: core.SourcePlugin,
		Text:       fmt.Sprintf("given up after %d failures within an hour; the last: %s", len(r.failures), r.last),
		Hint:       "its log says more; `meson plugin ls` shows which file it is",
		RetryAfter: again,
	}
}

func (r *restarts) recent(now time.Time) []time.Time {
	for len(r.failures) > 0 && now.Sub(r.failures[0]) >= time.Hour {
		r.failures = r.failures[1:]
	}
	return r.failures
}
