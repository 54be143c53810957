package iscsi

import "context"

// resume finishes what somebody has begun with a volume and not ended: changes of
// its files and ends of uses.
func (s *store) resume(ctx context.Context, f found) error {
	if len(f.State.Uses) == 0 && f.State.Pending == nil && len(f.Faults) == 0 {
		// Nobody uses it: what may still serve it is ended.
		if err := s.settle(ctx, f); err != nil {
			return err
		}
	}
	if f.State.Pending != nil {
		if err := f.at.vault.Hold(ctx, f.Ref(), s.finish); err != nil {
			return err
		}
	}
	for _, u := range f.State.Uses {
		if u.Ending.IsZero() {
			continue
		}
		if err := s.end(ctx, f, u.ID, false); err != nil {
			s.log.Warn("an attachment is still being ended", "volume", f.ID, "attachment", u.ID, "error", err)
		}
	}
	if f.State.ResizeBytes > 0 {
		if _, err := s.grow(ctx, f, f.State.ResizeBytes, true); err != nil {
			s.log.Warn("a volume is still growing", "volume", f.ID, "size_bytes", f.State.ResizeBytes, "error", err)
		}
	}
	return nil
}
