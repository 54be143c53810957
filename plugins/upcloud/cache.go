package upcloud

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// loadTimeout bounds one reading of what is then kept.
const loadTimeout = 45 * time.Second

// cached keeps what is read from the API for a time. Callers that come while it
// is being read wait for the one reading; that one is nobody's own, so that a
// caller who leaves spoils nothing for the others. An error is not kept. It is
// safe for concurrent use.
type cached[T any] struct {
	life time.Duration
	now  func() time.Time
	load func(context.Context) (T, error)

	group singleflight.Group
	mu    sync.Mutex
	value T
	until time.Time
}

// get is the value, read anew if it is older than its life.
func (c *cached[T]) get(ctx context.Context) (T, error) {
	if v, ok := c.kept(); ok {
		return v, nil
	}
	done := c.group.DoChan("", func() (any, error) {
		// Somebody may have read it between the look and this turn.
		if v, ok := c.kept(); ok {
			return v, nil
		}
		reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		begun := c.now()
		v, err := c.load(reading)
		if err == nil {
			c.mu.Lock()
			c.value, c.until = v, begun.Add(c.life)
			c.mu.Unlock()
		}
		return v, err
	})
	var none T
	select {
	case r := <-done:
		if r.Err != nil {
			return none, r.Err
		}
		v, _ := r.Val.(T)
		return v, nil
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

func (c *cached[T]) kept() (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.now().Before(c.until)
}

// forget lets the next get read it anew.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
}
