package upcloud

import (
	"sync"
	"time"
)

// ClockOptions say how virtual time passes.
type ClockOptions struct {
	// Start is the time it begins at; the zero value means now.
	Start time.Time
	// Speed is how many virtual seconds pass in a real one. With 0 time passes as
	// it does, but what the cloud takes time for is done at once.
	Speed float64
	// Manual makes time stand still but for Step. Speed is not used then, and
	// things take their time.
	Manual bool
}

// Clock is the time an emulated cloud lives in. It is safe for concurrent use.
type Clock struct {
	mu     sync.Mutex
	base   time.Time // virtual, at real
	real   time.Time
	speed  float64
	manual bool
}

// NewClock returns a clock that runs.
func NewClock(o ClockOptions) *Clock {
	now := time.Now()
	if o.Start.IsZero() {
		o.Start = now
	}
	return &Clock{base: o.Start.UTC(), real: now, speed: max(o.Speed, 0), manual: o.Manual}
}

// Now is the virtual time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// Step moves virtual time forward by d; a negative d does nothing.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = c.base.Add(max(d, 0))
}

// SetSpeed changes how fast time passes from now on, and ends Manual.
func (c *Clock) SetSpeed(speed float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.real = c.now(), time.Now()
	c.speed, c.manual = max(speed, 0), false
}

// Speed is what NewClock or SetSpeed were given, and whether time stands still.
func (c *Clock) Speed() (speed float64, manual bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speed, c.manual
}

// immediate reports whether nothing takes time.
func (c *Clock) immediate() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speed == 0 && !c.manual
}

func (c *Clock) now() time.Time {
	if c.manual {
		return c.base
	}
	passed := time.Since(c.real)
	if c.speed != 0 {
		passed = time.Duration(float64(passed) * c.speed)
	}
	return c.base.Add(passed)
}
