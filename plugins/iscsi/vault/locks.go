package vault

import "context"

// TakeLock gives a holder the right to the volume. The same holder again is no
// change; another one's lock, or a writer of another holder, is Busy.
func (v *Vault) TakeLock(ctx context.Context, ref Ref, l Lock) (*Volume, error) { return nil, todo() }

// Unlock is how a lock is given back.
type Unlock struct {
	Holder string
	// Force takes another holder's lock away: first every writer is ended as EndUse
	// does, by Fence, and the lock goes only when all of them are known to be cut off.
	Force bool
	Fence func(ctx context.Context, u Use) error
}

// ReleaseLock gives a lock back. Another holder's is Denied without Force. No lock:
// done, and nobody is cut off.
func (v *Vault) ReleaseLock(ctx context.Context, ref Ref, u Unlock) (*Volume, error) {
	return nil, todo()
}
