package hosts

import (
	"fmt"
	"sync"
	"time"

	"libvirt.org/go/libvirt"
)

// startLoop starts libvirt's event loop. Libvirt has one per process, must be
// told before the first connection is opened, and offers no way to end it; that
// is why this alone is package state.
var startLoop = sync.OnceValue(func() error {
	if err := libvirt.EventRegisterDefaultImpl(); err != nil {
		return fmt.Errorf("register libvirt event loop: %w", err)
	}
	go func() {
		for {
			if err := libvirt.EventRunDefaultImpl(); err != nil {
				// It fails where poll does; there is nothing to repair, only to
				// keep from spinning.
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
	return nil
})
