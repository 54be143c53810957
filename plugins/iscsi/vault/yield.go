package vault

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// wantedName is a file in a volume's own folder: who waits for the volume's lock has
// a lock on its first byte, which ends with the process at the latest.
const wantedName = "wanted"

// wantedEvery is how often work that yields looks whether somebody waits.
const wantedEvery = 25 * time.Millisecond

// ErrWanted is why the context of Yielding ends.
var ErrWanted = sdk.Errorf(sdk.Unavailable, "somebody else wants the volume")

// Yielding is Hold for work that can wait. If somebody else has the lock it is Busy at
// once; and as soon as anybody waits for the lock, the context that do was given ends,
// with ErrWanted as its cause, and do is to return soon.
func (v *Vault) Yielding(ctx context.Context, ref Ref, do func(ctx context.Context, h *Held) error) error {
	return v.holding(ctx, ref, true, do)
}

// Worked reports whether somebody works on the volume just now, with its lock.
func (v *Vault) Worked(vol *Volume) bool {
	rel, err := v.rel(vol.Folder)
	if err != nil {
		return false
	}
	d, err := v.root.walk(rel)
	if err != nil {
		return false
	}
	defer d.close()
	return v.alive(d)
}

// volumeLock takes a volume's lock, whose folder is p. Who waits for it says so.
func (v *Vault) volumeLock(ctx context.Context, p *dir, what string, yields bool) (*flock, error) {
	l, err := tryLock(p, lockName)
	if l != nil || err != nil {
		return l, err
	}
	if yields {
		return nil, refusal(sdk.Busy, "lock", what, "another call is working on it", "")
	}
	f, err := p.open(wantedName, unix.O_RDWR|unix.O_CREAT, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Len: 1}); err != nil {
		return nil, p.fail("lock", wantedName, err)
	}
	return waitLock(ctx, p, lockName, what, v.o.LockWait)
}

// untilWanted is a context that ends when somebody waits for the lock of the volume
// whose own folder p is.
func untilWanted(ctx context.Context, p *dir) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	f, err := p.open(wantedName, unix.O_RDWR|unix.O_CREAT, 0o600)
	if err != nil {
		cancel(p.fail("open", wantedName, err)) // nobody could be heard
		return ctx, func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer f.Close()
		for ctx.Err() == nil {
			if waits, err := wanted(f); waits || err != nil {
				cancel(ErrWanted)
			}
			select {
			case <-ctx.Done():
			case <-time.After(wantedEvery):
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

func wanted(f *os.File) (bool, error) {
	l := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &l)
	return l.Type != unix.F_UNLCK, err
}
