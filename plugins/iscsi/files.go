package iscsi

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/target"
)

// writeSynced writes a file that is on disk when it returns.
func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// oneFilesystem reports whether what is in one directory can be renamed into the other.
func oneFilesystem(a, b string) (bool, error) {
	var at, to unix.Stat_t
	err := errors.Join(unix.Stat(a, &at), unix.Stat(b, &to))
	return at.Dev == to.Dev, err
}

// lockDir takes the lock that says that who works on a folder is alive.
func lockDir(dir string) (*os.File, error) { return target.LockFile(filepath.Join(dir, "lock")) }

// sweepImages removes what dead processes have left of images that they were
// fetching or removing.
func (s *store) sweepImages() {
	for _, at := range s.vaults {
		root := filepath.Join(at.vault.Root(), imagesDir)
		entries, err := os.ReadDir(root)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			dir := filepath.Join(root, entry.Name())
			switch {
			case strings.HasPrefix(entry.Name(), imageGone):
			case strings.HasPrefix(entry.Name(), imageNew):
				// A moment passes between the folder and its lock.
				held, err := target.Locked(filepath.Join(dir, "lock"))
				if err != nil || held || young(dir) {
					continue
				}
			default:
				continue
			}
			if err := os.RemoveAll(dir); err != nil {
				s.log.Warn("what is left of an image stays", "dir", dir, "error", err)
			}
		}
	}
}

func young(dir string) bool {
	var st unix.Stat_t
	var now unix.Timespec
	if unix.Stat(dir, &st) != nil || unix.ClockGettime(unix.CLOCK_REALTIME, &now) != nil {
		return true
	}
	return now.Sec-st.Ctim.Sec < 60
}

// writes tries whether a vault can be written, without a trace.
func (s *store) writes(at *place) error {
	f, err := os.OpenFile(filepath.Join(at.vault.Root(), ".meson"), unix.O_TMPFILE|os.O_WRONLY, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil // the filesystem has no files without a name; opening the vault wrote
	}
	if err != nil {
		return err
	}
	return f.Close()
}
