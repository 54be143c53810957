package vault

// Record notes the format of a volume that was found and that nobody has used yet,
// by the rule of Format: from then on its image's header is never asked again. op is
// what the caller wants to do.
func (h *Held) Record(op string) error {
	format, err := h.format(op)
	if err != nil || format == h.vol.State.Format {
		return err
	}
	h.vault.step("record format")
	return h.save(func(_ *Meta, s *State) error {
		s.Format = format
		return nil
	})
}
