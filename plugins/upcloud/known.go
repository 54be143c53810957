package upcloud

import (
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mesoncloud/meson/sdk/pb"
)

// known is what memory has of one server.
type known struct {
	last *server
	// asked is when the last reading was asked for, due when the next one is.
	asked, due time.Time
	next       *backoff.ExponentialBackOff
	// ran is whether it has been seen started.
	ran bool
	// will is what a call of this process has begun with it, until it is seen done
	// or the time is up.
	will      pb.InstanceState
	willUntil time.Time
	// changed is closed and replaced at every change.
	changed chan struct{}
}

func (k *known) learn(s *server, asked time.Time) {
	if k.last == nil || k.last.state != s.state {
		k.next = nil
		k.tell()
	}
	k.last, k.asked = s, asked
	k.ran = k.ran || s.state == stateStarted
	if finished(k.will, s.state) {
		k.will, k.next = 0, nil
	}
}

// finished reports whether a state is what was begun.
func finished(will pb.InstanceState, state string) bool {
	switch will {
	case pb.InstanceState_INSTANCE_STATE_STOPPING:
		return state == stateStopped
	case pb.InstanceState_INSTANCE_STATE_STARTING:
		return state == stateStarted
	}
	return false
}

func (k *known) tell() {
	close(k.changed)
	k.changed = make(chan struct{})
}
