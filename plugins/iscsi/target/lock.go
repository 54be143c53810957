package target

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// LockFile opens a file, made with mode 0600 if it is not there, and takes the
// exclusive lock on all of it: an open file description lock, which lasts until
// the last process that has the description is gone. Handed to a daemon and
// closed here, it is the daemon's. Busy if it is held.
func LockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, lockError("open", path, err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		_ = f.Close()
		return nil, lockError("lock", path, err)
	}
	return f, nil
}

// Locked reports whether somebody holds the lock of LockFile. A file that is not
// there is not locked.
func Locked(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, lockError("open", path, err)
	}
	defer f.Close()
	return locked(f, unix.F_WRLCK, 0, 0)
}

// locked reports whether a lock of that kind on those bytes would be refused.
func locked(f *os.File, kind int16, start, length int64) (bool, error) {
	lock := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: start, Len: length}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		return false, lockError("probe the lock of", f.Name(), err)
	}
	return lock.Type != unix.F_UNLCK, nil
}

func lockError(op, path string, err error) error {
	e := &sdk.Error{Kind: sdk.Unavailable, Op: op + " the lock", Subject: path, Source: sdk.SourcePlugin, Err: err}
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		e.Kind, e.Text, e.Err = sdk.Busy, "another process serves or writes it", nil
	}
	return e
}
