package hosts

import (
	"fmt"
	"sync"
	"time"

	"libvirt.org/go/libvirt"
)

// prepareLoop tells libvirt that there will be an event loop. Libvirt has one per
// process, must be told before the first connection is opened, and offers no way to
// end it; that is why this and runLoop alone are package state.
var prepareLoop = sync.OnceValue(func() error {
	if err := libvirt.EventRegisterDefaultImpl(); err != nil {
		return fmt.Errorf("register libvirt event loop: %w", err)
	}
	return nil
})

// RunEvents lets libvirt tell of events from now on, those of streams among them. Who
// listens to a host need not ask for it.
func RunEvents() { runLoop() }

// runLoop runs the event loop. Calls need none: while it runs, each call wakes it
// several times, and what hears no events yet does without.
var runLoop = sync.OnceFunc(func() {
	go func() {
		for {
			if err := libvirt.EventRunDefaultImpl(); err != nil {
				// It fails where poll does; there is nothing to repair, only to
				// keep from spinning.
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
})
