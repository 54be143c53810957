package pricing

import (
	"fmt"
	"time"
)

// Usage is what a machine does over a span: it runs, and then it is stopped but
// kept. Parts of a second count as whole ones.
type Usage struct {
	Running time.Duration `json:"running"`
	Stopped time.Duration `json:"stopped,omitempty"`
}

// Usage is that of a machine that runs all the time. That of a horizon out of
// its bounds is one that has no price.
func (h Horizon) Usage() Usage {
	if h < 1 || h > longest {
		return Usage{Running: -1}
	}
	return Usage{Running: time.Duration(h) * time.Hour}
}

// hours is the whole span in started hours.
func (u Usage) hours() int { return int((u.Running + u.Stopped + time.Hour - 1) / time.Hour) }

func (u Usage) check() error {
	if u.Running < 0 || u.Stopped < 0 || u.Running > longestSpan || u.Stopped > longestSpan || u.hours() < 1 || u.hours() > int(longest) {
		return fmt.Errorf("%s running and %s stopped: want more than nothing and at most %d h", u.Running, u.Stopped, longest)
	}
	return nil
}

const longestSpan = time.Duration(longest) * time.Hour
