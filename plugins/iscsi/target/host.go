package target

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// Host runs the daemons of one machine. It may be used by many at once, and
// several processes may have one of the same Dir: what is done to one volume is
// done by one at a time.
type Host struct {
	dir     string
	tgtd    string
	threads int
	timeout time.Duration
	log     *slog.Logger
	// How long a daemon may be silent, and how long a fence may take, before it is
	// killed.
	answer, fencing time.Duration
}

// New checks the options and makes Dir. Nothing is started.
func New(o Options) (*Host, error) {
	if faults := o.check(); len(faults) > 0 {
		return nil, sdk.InvalidFaults("run iSCSI targets", faults)
	}
	h := &Host{dir: filepath.Clean(o.Dir), tgtd: o.Tgtd, threads: o.Threads, timeout: o.PeerTimeout, log: o.Log, answer: 10 * time.Second, fencing: 5 * time.Second}
	if h.threads == 0 {
		h.threads = 4
	}
	if h.timeout == 0 {
		h.timeout = time.Minute
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.tgtd == "" {
		h.tgtd = "tgtd"
		if _, err := exec.LookPath(h.tgtd); err != nil {
			h.tgtd = "/usr/sbin/tgtd"
		}
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return nil, &sdk.Error{Kind: sdk.Unavailable, Op: "run iSCSI targets", Subject: h.dir, Source: sdk.SourcePlugin, Err: err}
	}
	return h, nil
}

// place is a volume's directory below Dir, which is made if it is not there, and
// which this process has for itself until done is called.
func (h *Host) place(ctx context.Context, key string) (dir string, done func(), err error) {
	if !keyForm.MatchString(key) {
		return "", nil, sdk.InvalidFaults("find the volume's daemon", []sdk.Fault{{Path: "key", Have: key, Want: "1 to 40 of A-Z a-z 0-9 _ -"}})
	}
	dir = filepath.Join(h.dir, key)
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", nil, unavailable("find the volume's daemon", key, err)
		}
		turn, err := takeTurn(ctx, filepath.Join(dir, "turn"))
		if errors.Is(err, os.ErrNotExist) {
			// Stop has removed it meanwhile.
			continue
		}
		if err != nil {
			return "", nil, &sdk.Error{
				Kind: sdk.Busy, Op: "find the volume's daemon", Subject: "volume " + key, Source: sdk.SourcePlugin,
				Text: "another process is at work on it", Err: err,
			}
		}
		return dir, func() { _ = turn.Close() }, nil
	}
}

// takeTurn waits for the lock of a file that may be removed while it does:
// os.ErrNotExist then.
func takeTurn(ctx context.Context, path string) (*os.File, error) {
	turn, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(turn.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			held, err := turn.Stat()
			if err != nil {
				_ = turn.Close()
				return nil, err
			}
			if named, err := os.Stat(path); err != nil || !os.SameFile(held, named) {
				_ = turn.Close()
				return nil, os.ErrNotExist
			}
			return turn, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = turn.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			_ = turn.Close()
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// unavailable is an error that left nothing changed that matters: the same may
// pass later.
func unavailable(op, key string, err error) error {
	return &sdk.Error{Kind: sdk.Unavailable, Op: op, Subject: "volume " + key, Source: sdk.SourcePlugin, Err: err}
}
