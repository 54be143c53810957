package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/gofrs/flock"
	"github.com/mesoncloud/meson/core"
)

// usePoll is how long it may stay unseen that others have let go of a ledger.
const usePoll = 20 * time.Millisecond

// use takes a share in the file, or the file alone: whoever has a ledger open
// has a share, and a restore replaces it under nobody's hands. The lock is one of
// the kernel's on PATH.use; it ends with the process. Busy after wait.
func use(ctx context.Context, path string, alone bool, wait time.Duration) (*flock.Flock, error) {
	lock := flock.New(path+".use", flock.SetPermissions(0o600))
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	try := lock.TryRLockContext
	if alone {
		try = lock.TryLockContext
	}
	_, err := try(limited, usePoll)
	switch {
	case err == nil:
		return lock, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case alone:
		return nil, &core.Error{
			Kind: core.Busy, Subject: path, Text: "another meson command has the ledger open",
			Hint: "wait for it, or end it: meson console and meson events --follow go on until they are ended",
		}
	}
	return nil, &core.Error{Kind: core.Busy, Text: "a backup is being put in its place", Hint: "try again when that has ended"}
}
