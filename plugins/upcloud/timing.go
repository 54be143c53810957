package upcloud

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

// timing is how often a server is looked at, and how long things may take.
type timing struct {
	// first is until the first look at a server that changes; those after it become
	// rarer up to most. One that does not change is looked at every calm.
	first, most, calm time.Duration
	// window is how long a server that was asked for may take to be found by its
	// labels.
	window time.Duration
	// stop is how long a guest may take to shut down before its machine is removed:
	// UpCloud is told to pull the plug then. hard is how long after that a request of
	// its own does so.
	stop, hard time.Duration
	// fault is how long a removal waits for a server in error, which no request can
	// stop or remove.
	fault time.Duration
}

// lostWindow is the window. How soon a server is listed is not documented; this
// leaves room for a request that is still under way.
const lostWindow = 30 * time.Second

// usual is for UpCloud. In its recordings creating takes from 23 to 61 s and
// stopping from 6 to 12: to look more often tells nothing sooner that matters.
func usual() *timing {
	return &timing{
		first: 2 * time.Second, most: 5 * time.Second, calm: 15 * time.Second, window: lostWindow,
		stop: 20 * time.Second, hard: 15 * time.Second, fault: 20 * time.Second,
	}
}

// faster is t with everything so many times sooner, but for what UpCloud is told in
// whole seconds.
func (t timing) faster(times int) *timing {
	if times > 1 {
		for _, d := range []*time.Duration{&t.first, &t.most, &t.calm, &t.window, &t.hard, &t.fault} {
			*d /= time.Duration(times)
		}
	}
	return &t
}

// between spaces out looks at something that changes.
func (t *timing) between() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = t.first, t.most, 1.2, 0.1
	return b
}

// wait is how long until the next look at a server.
func (t *timing) wait(k *known) time.Duration {
	if k.will == 0 && k.last.state != stateMaintenance {
		return t.calm
	}
	if k.next == nil {
		k.next = t.between()
	}
	return k.next.NextBackOff()
}
