package image

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// asidePrefix begins the names of what changes have under way.
const asidePrefix = ".meson-"

// aside are the names of one change; see the package comment.
type aside struct{ dir, id string }

// begun is made before a change touches anything: an error that promises that
// nothing was changed is not believed of a change that was begun before.
func (a aside) begun() string { return filepath.Join(a.dir, asidePrefix+a.id+".begun") }
func (a aside) fresh() string { return filepath.Join(a.dir, asidePrefix+a.id+".new") }
func (a aside) ready() string { return filepath.Join(a.dir, asidePrefix+a.id+".ready") }

// tidy removes what changes other than keep have left; empty: all.
func tidy(dir, keep string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, x := range entries {
		name := x.Name()
		id, suffix, ok := strings.Cut(strings.TrimPrefix(name, asidePrefix), ".")
		if !ok || !strings.HasPrefix(name, asidePrefix) || id == keep || !idForm.MatchString(id) {
			continue
		}
		switch suffix {
		case "begun", "new", "ready":
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// Tidy removes what changes have left aside. No change may be recorded.
func (e *Engine) Tidy(dir string) error { return failed("tidy", dir, tidy(dir, "")) }

// replace puts a new file in the place of another, or finds that it has done so.
func (e *Engine) replace(v Volume, c Change, old string, build func(path string) error) error {
	a := aside{v.Dir, c.ID}
	ready, err := exists(a.ready())
	if err != nil {
		return err
	}
	if !ready {
		if err := os.Remove(a.fresh()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := build(a.fresh()); err != nil {
			return err
		}
		e.opt.Step("built")
		if err := errors.Join(syncFile(a.fresh()), touch(a.ready()), syncDir(v.Dir)); err != nil {
			return err
		}
		e.opt.Step("ready")
	}
	err = os.Rename(a.fresh(), old)
	if ready && errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = syncDir(v.Dir)
	}
	e.opt.Step("replaced")
	return err
}

// replaced reports whether replace has done its work.
func replaced(v Volume, c Change) (bool, error) {
	a := aside{v.Dir, c.ID}
	ready, err := exists(a.ready())
	if err != nil || !ready {
		return false, err
	}
	fresh, err := exists(a.fresh())
	return !fresh, err
}

func (v Volume) active() string { return filepath.Join(v.Dir, v.Layout.Active()) }

func (v Volume) path(id string) string {
	if id == "" {
		return v.active()
	}
	return filepath.Join(v.Dir, layerFile(id))
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDir(path string) error { return syncFile(path) }

// inode, links and used of a file.
func stat(path string) (syscall.Stat_t, error) {
	var st syscall.Stat_t
	err := syscall.Lstat(path, &st)
	if err != nil {
		err = &fs.PathError{Op: "stat", Path: path, Err: err}
	} else if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		err = fault(sdk.Invalid, "open volume", path, "is no file")
	}
	return st, err
}

func usedBytes(st syscall.Stat_t) uint64 { return uint64(st.Blocks) * 512 }

// copyFile copies a file, holes as holes: by sharing its blocks where the
// filesystem can.
func copyFile(ctx context.Context, to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	return copyFrom(ctx, to, src)
}

// syncEvery is how much is copied before it is synced: less is waited for at the
// end, where nothing can be interrupted.
const syncEvery = 32 << 20

// copyFrom is copyFile of an open file.
func copyFrom(ctx context.Context, to string, src *os.File) error {
	st, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer dst.Close()
	if unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) == nil {
		return dst.Sync()
	}
	if err := dst.Truncate(st.Size()); err != nil {
		return err
	}
	for at := int64(0); at < st.Size(); {
		begin, err := unix.Seek(int(src.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(int(src.Fd()), begin, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		at = min(end, begin+syncEvery)
		if _, err := src.Seek(begin, io.SeekStart); err != nil {
			return err
		}
		if _, err := dst.Seek(begin, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(dst, &reader{ctx, src}, at-begin); err != nil {
			return err
		}
		if at-begin == syncEvery {
			if err := dst.Sync(); err != nil {
				return err
			}
		}
	}
	return dst.Sync()
}

// trickle has what others write to a file go to the disk along the way, until stop.
func trickle(path string) (stop func()) {
	done := make(chan struct{})
	go func() {
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close()
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Second):
			}
			if unix.Fdatasync(int(f.Fd())) != nil {
				return
			}
		}
	}()
	return func() { close(done) }
}
