package vault

import "context"

// Held is a volume whose lock this process has: nobody else changes its metadata.
// It is for the time of the function that it was given to, and for one goroutine.
type Held struct {
	vault *Vault
	vol   *Volume
}

// Hold runs do with the volume's lock. It waits for others at most
// Options.LockWait, then it is Busy. A volume with faults can be held; Save refuses
// it.
func (v *Vault) Hold(ctx context.Context, ref Ref, do func(ctx context.Context, h *Held) error) error {
	return todo()
}

// Volume is the volume as it is now.
func (h *Held) Volume() *Volume { return h.vol }

// Idle is nil while nobody uses the volume and no work is pending; otherwise Busy,
// with who and since when. op is what the caller wants to do.
func (h *Held) Idle(op string) error { return todo() }

// Save writes changed metadata: change gets copies, and what it leaves in them is on
// disk when Save returns, or nothing is changed. It is Invalid if the result breaks
// a rule of the format, and a Conflict if somebody who does not keep to the lock
// has changed the file since it was read. Epochs, uses and locks are changed by the
// methods for them.
func (h *Held) Save(ctx context.Context, change func(m *Meta, s *State) error) error { return todo() }

// Update is Hold and Save in one. A revision that is not empty must be the volume's
// present one, or it is a Conflict.
func (v *Vault) Update(ctx context.Context, ref Ref, revision string, change func(m *Meta, s *State) error) (*Volume, error) {
	return nil, todo()
}

// Rename gives the volume another name; its id and folder stay.
func (v *Vault) Rename(ctx context.Context, ref Ref, name string) (*Volume, error) {
	return nil, todo()
}

// Resize lets a volume grow to a multiple of Step. The new size is counted against
// the limits and recorded (State.ResizeBytes) before grow is called, with the
// volume's lock, to make the data that large; then it becomes the volume's size.
// After a kill the same call goes on; grow must bear being repeated. A smaller size
// than it has is Invalid, the same is no change and grow is not called.
func (v *Vault) Resize(ctx context.Context, ref Ref, sizeBytes uint64, grow func(ctx context.Context, h *Held) error) (*Volume, error) {
	return nil, todo()
}
