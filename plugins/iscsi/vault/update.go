package vault

import (
	"context"
	"fmt"

	"github.com/mesoncloud/meson/sdk"
)

// Update is Hold and Save in one. A revision that is not empty must be the volume's
// present one, or it is a Conflict.
func (v *Vault) Update(ctx context.Context, ref Ref, revision string, change func(m *Meta, s *State) error) (*Volume, error) {
	return v.changed(ctx, ref, func(ctx context.Context, h *Held) error {
		if revision != "" && revision != h.vol.Revision {
			return refusal(sdk.Conflict, "change volume", h.vol.String(), "somebody has changed it since", "look at it again")
		}
		return h.Save(ctx, change)
	})
}

// changed is Hold that returns the volume as it is then.
func (v *Vault) changed(ctx context.Context, ref Ref, do func(ctx context.Context, h *Held) error) (vol *Volume, err error) {
	err = v.Hold(ctx, ref, func(ctx context.Context, h *Held) error {
		err := do(ctx, h)
		vol = h.vol
		return err
	})
	if err != nil {
		return nil, err
	}
	return vol, nil
}

// Rename gives the volume another name; its id and folder stay.
func (v *Vault) Rename(ctx context.Context, ref Ref, name string) (*Volume, error) {
	return v.changed(ctx, ref, func(ctx context.Context, h *Held) error {
		if h.vol.Meta.Name == name {
			return nil
		}
		return h.Save(ctx, func(m *Meta, _ *State) error {
			m.Name = name
			return nil
		})
	})
}

// Resize lets a volume grow to a multiple of Step. The new size is counted against
// the limits and recorded (State.ResizeBytes) before grow is called, with the
// volume's lock, to make the data that large; then it becomes the volume's size.
// After a kill the same call goes on; grow must bear being repeated. A smaller size
// than it has is Invalid, the same is no change and grow is not called.
func (v *Vault) Resize(ctx context.Context, ref Ref, sizeBytes uint64, grow func(ctx context.Context, h *Held) error) (*Volume, error) {
	const op = "resize volume"
	return v.changed(ctx, ref, func(ctx context.Context, h *Held) error {
		has := max(h.vol.Meta.SizeBytes, h.vol.State.ResizeBytes)
		switch {
		case sizeBytes == h.vol.Meta.SizeBytes && h.vol.State.ResizeBytes == 0:
			return nil
		case sizeBytes%Step != 0 || sizeBytes > maxGB*GiB:
			return invalidSize(op, sizeBytes, fmt.Sprintf("a multiple of %d (0.125 GB), at most %d", Step, uint64(maxGB*GiB)))
		case sizeBytes < has:
			return invalidSize(op, sizeBytes, fmt.Sprintf("at least the %d that it has or grows to", has))
		case len(h.vol.Faults) > 0:
			return faulty(op, h.vol)
		}
		if err := h.recordGrowth(ctx, op, sizeBytes, sizeBytes-has); err != nil {
			return err
		}
		v.step("grow")
		if err := grow(ctx, h); err != nil {
			return err
		}
		v.step("record size")
		return h.save(func(m *Meta, s *State) error {
			m.SizeBytes, s.ResizeBytes = sizeBytes, 0
			return nil
		})
	})
}

// recordGrowth records what the volume grows to, if the limits let it.
func (h *Held) recordGrowth(ctx context.Context, op string, to, more uint64) error {
	if h.vol.State.ResizeBytes == to {
		return nil
	}
	v := h.vault
	l, err := v.lock(ctx)
	if err != nil {
		return err
	}
	defer l.release()
	if err := v.Refresh(ctx); err != nil {
		return err
	}
	if err := v.fits(ctx, op, h.vol.String(), 0, more); err != nil {
		return err
	}
	v.step("record growth")
	return h.Save(ctx, func(_ *Meta, s *State) error {
		s.ResizeBytes = to
		return nil
	})
}

func invalidSize(op string, have uint64, want string) error {
	return sdk.InvalidFaults(op, []sdk.Fault{{Path: "size_bytes", Have: fmt.Sprint(have), Want: want}})
}
