package image

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// clean removes from a runtime directory whose daemon is gone what it has left:
// sockets, records of exports, and mounts, which answer nothing any more.
func clean(dir string) error {
	all, err := exportsOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, x := range all {
		if x.Path != "" {
			errs = append(errs, unmountDead(x.Path))
		}
		errs = append(errs, os.Remove(filepath.Join(dir, exportPrefix+x.ID)))
	}
	aliases, err := filepath.Glob(filepath.Join(dir, "l[0-9]*"))
	errs = append(errs, err)
	for _, path := range aliases {
		errs = append(errs, os.Remove(path))
	}
	// The process first: without it the socket that is missing says nothing; see EndedWell.
	for _, name := range []string{"pid", "pid.new", "qmp", "nbd"} {
		if err := os.Remove(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// mountPoint makes the file on which a FUSE export is mounted.
func mountPoint(path string) error {
	if err := unmountDead(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// fuseMagic is of a FUSE mount (linux/magic.h).
const fuseMagic = 0x65735546

// unmountDead takes away FUSE mounts that a daemon has left on a file. It does not
// ask them for the file's size: for a second they may answer, from the kernel's
// memory.
func unmountDead(path string) error {
	for range 16 {
		var st unix.Statfs_t
		err := unix.Statfs(path, &st)
		if errors.Is(err, unix.ENOENT) || err == nil && int64(st.Type) != fuseMagic {
			return nil
		}
		err = unix.Unmount(path, unix.MNT_DETACH)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			return nil // the folder is on FUSE, and nothing is mounted on the file
		}
		if err != nil {
			return &fs.PathError{Op: "unmount", Path: path, Err: err}
		}
	}
	return nil
}
