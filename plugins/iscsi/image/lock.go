package image

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// QEMU locks single bytes of an image's file: shared locks on permBase+i for each
// permission i that it uses, and on sharedBase+i for each that it does not let
// others have. (block/file-posix.c)
const (
	permBase, sharedBase           = 100, 200
	permRead, permWrite, permLimit = 0, 1, 64
	permResize                     = 3
	// holdByte is our own, outside of QEMU's.
	holdByte = 90
)

// Use is how a file is open elsewhere.
type Use struct{ Open, Writing bool }

// InUse asks QEMU's own locks whether a process, this one included, has a file
// open for reading or for writing. It says nothing of programs that take no such
// locks, unless they hold what Hold gave.
func InUse(path string) (Use, error) {
	f, err := os.Open(path)
	if err != nil {
		return Use{}, failed("probe lock", path, err)
	}
	defer f.Close()
	writing, err := locked(f, permBase+permWrite, 1)
	if err != nil {
		return Use{}, failed("probe lock", path, err)
	}
	open, err := locked(f, permBase, permLimit)
	if err != nil {
		return Use{}, failed("probe lock", path, err)
	}
	held, err := locked(f, holdByte, 1)
	return Use{Open: open || held, Writing: writing || held}, failed("probe lock", path, err)
}

// locked reports whether another open file description has a lock in a range.
func locked(f *os.File, at, n int64) (bool, error) {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: n}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &l)
	return err == nil && l.Type != unix.F_UNLCK, err
}

// Hold takes the lock by which every QEMU refuses to open the file at path for
// writing or reading, for a program that takes no locks itself, such as tgtd on a
// raw file: it inherits the *os.File and with it the lock, which dies with the
// last process that has it. Busy: another one has it, or QEMU has the file open.
func Hold(path string) (*os.File, error) {
	const op = "lock image"
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, failed(op, path, err)
	}
	lock := func(kind int16, at int64) error {
		return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: at, Len: 1})
	}
	err = lock(unix.F_WRLCK, holdByte)
	for _, at := range []int64{permBase + permWrite, sharedBase + permRead, sharedBase + permWrite, sharedBase + permResize} {
		if err == nil {
			err = lock(unix.F_RDLCK, at)
		}
	}
	if err == nil {
		// First our locks, then the question, as QEMU does it: of two that come at
		// once, at most one sees no other.
		var busy bool
		if busy, err = locked(f, permBase, permLimit); busy {
			err = unix.EAGAIN
		}
	}
	if err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return nil, &sdk.Error{
				Kind: sdk.Busy, Op: op, Subject: path, Text: "another process has it open",
				Source: sdk.SourceProvider, Err: err,
			}
		}
		return nil, failed(op, path, err)
	}
	return f, nil
}
