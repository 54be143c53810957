package hosts

import (
	"context"

	"libvirt.org/go/libvirt"
)

// Ask is Do for a call that has an answer.
func Ask[T any](ctx context.Context, h *Host, op string, fn func(*libvirt.Connect) (T, error)) (T, error) {
	answer := make(chan T, 1)
	err := h.Do(ctx, op, func(c *libvirt.Connect) error {
		v, err := fn(c)
		if err == nil {
			answer <- v
		}
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return <-answer, nil
}

// Generation counts the connections that were opened: what was read of one is
// not known to hold for the next. 0: none yet.
func (h *Host) Generation() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.generation
}
