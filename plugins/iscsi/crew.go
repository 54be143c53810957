package iscsi

import (
	"sync"
	"time"
)

// crew does many things at once, as many as it has places. With patience, one that
// hangs is left to itself after a while, and neither keeps the others nor the caller.
type crew struct {
	places   chan struct{}
	patience time.Duration
	wg       sync.WaitGroup
}

// do has something done, when a place is free; it is left out if none becomes so.
func (c *crew) do(f func()) {
	select {
	case c.places <- struct{}{}:
	case <-c.late():
		return
	}
	c.wg.Go(func() {
		defer func() { <-c.places }()
		f()
	})
}

// wait waits for all, with patience for a while.
func (c *crew) wait() {
	done := make(chan struct{})
	go func() {
		c.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-c.late():
	}
}

// late never comes where all is waited for.
func (c *crew) late() <-chan time.Time {
	if c.patience == 0 {
		return nil
	}
	return time.After(c.patience)
}
