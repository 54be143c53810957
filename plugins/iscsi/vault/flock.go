package vault

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// flock is a lock on a file, held until release or the end of this process; no
// child inherits it. It is one between processes and between goroutines alike.
type flock struct{ f *os.File }

// tryLock takes the lock at a name of d, whose file it makes; nil if somebody else
// has it.
func tryLock(d *dir, name string) (*flock, error) {
	f, err := d.open(name, unix.O_RDWR|unix.O_CREAT, 0o600)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err == nil && kindOf(st) != "" {
		err = errors.New("it is " + kindOf(st))
	}
	for err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return &flock{f: f}, nil
		}
		if errors.Is(err, unix.EINTR) {
			err = nil
		}
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, d.fail("lock", name, err)
}

// waitLock takes the lock, waiting for at most so long, then it is Busy.
func waitLock(ctx context.Context, d *dir, name, what string, atMost time.Duration) (*flock, error) {
	end := time.Now().Add(atMost)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		l, err := tryLock(d, name)
		if err != nil || l != nil {
			return l, err
		}
		if !time.Now().Before(end) {
			return nil, &sdk.Error{
				Kind: sdk.Busy, Op: "lock", Subject: what, Source: sdk.SourceProvider, RetryAfter: time.Second,
				Text: "another call has been working on it for " + atMost.String(),
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

func (l *flock) release() {
	if l != nil {
		_ = l.f.Close()
	}
}
