package vault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// dir is an open directory. Names are looked up in it, and a symbolic link is never
// followed; a name that is something else than was expected is an error.
type dir struct {
	f    *os.File
	path string
}

// openDir opens a directory by its path, whose links are followed.
func openDir(path string) (*dir, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &dir{f: os.NewFile(uintptr(fd), path), path: path}, nil
}

func (d *dir) close() { _ = d.f.Close() }

func (d *dir) fd() int { return int(d.f.Fd()) }

func (d *dir) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: filepath.Join(d.path, name), Err: err}
}

// sub opens a directory in d.
func (d *dir) sub(name string) (*dir, error) {
	f, err := d.open(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &dir{f: f, path: f.Name()}, nil
}

// walk opens the directory at a relative path; "." is d again.
func (d *dir) walk(rel string) (*dir, error) {
	at, err := d.sub(".")
	if err != nil || rel == "." {
		return at, err
	}
	for name := range strings.SplitSeq(rel, string(filepath.Separator)) {
		next, err := at.sub(name)
		at.close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	at.path = filepath.Join(d.path, rel)
	return at, nil
}

// open opens a name; it does not wait for the other side of a FIFO.
func (d *dir) open(name string, flags int, mode uint32) (*os.File, error) {
	if name == "" || name == ".." || strings.ContainsRune(name, filepath.Separator) {
		return nil, d.fail("open", name, unix.EINVAL)
	}
	path := filepath.Join(d.path, name)
	for {
		fd, err := unix.Openat(d.fd(), name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, mode)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, d.fail("open", name, err)
		}
		return os.NewFile(uintptr(fd), path), nil
	}
}

// lstat is what a name is, links themselves too.
func (d *dir) lstat(name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, d.fail("stat", name, err)
}

// stat is what d itself is.
func (d *dir) stat() (unix.Stat_t, error) {
	var st unix.Stat_t
	return st, d.fail("stat", "", unix.Fstat(d.fd(), &st))
}

// regular opens a file for reading that is nothing but a file.
func (d *dir) regular(name string) (*os.File, unix.Stat_t, error) {
	var st unix.Stat_t
	// What it is is asked before it is opened, because opening some devices does
	// things, and after it, because it may have changed.
	if st, err := d.lstat(name); err != nil {
		return nil, st, err
	} else if kind := kindOf(st); kind != "" {
		return nil, st, d.fail("read", name, errors.New("it is "+kind+", not a file"))
	}
	f, err := d.open(name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, st, err
	}
	if err = unix.Fstat(int(f.Fd()), &st); err == nil && kindOf(st) != "" {
		err = errors.New("it is no file")
	}
	if err != nil {
		_ = f.Close()
		return nil, st, d.fail("read", name, err)
	}
	return f, st, nil
}

// read is the whole of a file of at most so many bytes.
func (d *dir) read(name string, limit int64) ([]byte, unix.Stat_t, error) {
	f, st, err := d.regular(name)
	if err != nil {
		return nil, st, err
	}
	defer f.Close()
	if st.Size > limit {
		return nil, st, d.fail("read", name, fmt.Errorf("it has %d bytes: want at most %d", st.Size, limit))
	}
	data := make([]byte, 0, st.Size+1)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, st, nil
		case err != nil:
			return nil, st, err
		case int64(len(data)) > limit:
			return nil, st, d.fail("read", name, fmt.Errorf("it grew beyond %d bytes", limit))
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// entries are the names in d, at most so many; more reports whether there are others.
func (d *dir) entries(limit int) (all []fs.DirEntry, more bool, err error) {
	again, err := d.sub(".")
	if err != nil {
		return nil, false, err
	}
	defer again.close()
	all, err = again.f.ReadDir(limit + 1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if len(all) > limit {
		return all[:limit], true, err
	}
	return all, false, err
}

// kindOf is what is at a place where a file should be; empty for a file.
func kindOf(st unix.Stat_t) string {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return ""
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFIFO:
		return "a FIFO"
	case unix.S_IFSOCK:
		return "a socket"
	}
	return "a device"
}
