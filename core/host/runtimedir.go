package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxBase is the longest directory that still leaves room for what comes below
// it, /h0123456789/9999/plugin-dir0123456789/plugin0123456789, in the 107 bytes
// that the path of a socket may have.
const maxBase = 107 - len("/h0123456789/9999/plugin-dir0123456789/plugin0123456789")

// runtimeDir is the host's private directory of sockets, one directory below it
// for each start of a plugin. It exists while it is used and is locked as long,
// so that the directory of a host that was killed can be told from others' and
// is removed by the next.
type runtimeDir struct {
	asked string // Options.RuntimeDir

	mu   sync.Mutex
	base string
	path string
	lock *os.File
	last int
}

// startDir makes the directory for one start, mode 0700.
func (r *runtimeDir) startDir() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lock != nil && !same(r.lock, r.path) {
		// Somebody cleaned up behind us; what runs keeps running.
		_ = r.lock.Close()
		r.lock = nil
	}
	if r.lock == nil {
		if err := r.make(); err != nil {
			return "", err
		}
	}
	r.last++
	dir := filepath.Join(r.path, strconv.Itoa(r.last))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("directory for sockets: %w", err)
	}
	return dir, nil
}

// close removes everything. The directory may be made again by a later start.
func (r *runtimeDir) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lock == nil {
		return
	}
	_ = os.RemoveAll(r.path)
	_ = r.lock.Close()
	r.lock = nil
	// The base goes with its last host; it is shared, so it may well stay.
	_ = os.Remove(r.base)
}

func (r *runtimeDir) make() error {
	var faults []error
	for _, base := range r.candidates() {
		if len(base) > maxBase {
			faults = append(faults, fmt.Errorf("%s: longer than %d bytes, too long for sockets", base, maxBase))
			continue
		}
		path, lock, err := makeLocked(base)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		r.base, r.path, r.lock = base, path, lock
		sweep(base, path)
		return nil
	}
	return fmt.Errorf("no directory for sockets: %w", errors.Join(faults...))
}

func (r *runtimeDir) candidates() []string {
	if r.asked != "" {
		return []string{r.asked}
	}
	var bases []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		bases = append(bases, filepath.Join(dir, "meson"))
	}
	if os.Geteuid() == 0 {
		bases = append(bases, "/run/meson")
	}
	own := fmt.Sprintf("meson-%d", os.Geteuid())
	return append(bases, filepath.Join(os.TempDir(), own), filepath.Join("/tmp", own))
}

// makeLocked makes base, if need be, and a locked directory in it.
func makeLocked(base string) (string, *os.File, error) {
	for range 10 {
		if err := os.MkdirAll(base, 0o700); err != nil {
			return "", nil, err
		}
		info, err := os.Lstat(base)
		if errors.Is(err, os.ErrNotExist) {
			continue // another host that ended took it away
		}
		if err != nil {
			return "", nil, err
		}
		if !info.IsDir() || !ownedByUs(info) || info.Mode().Perm()&0o022 != 0 {
			return "", nil, fmt.Errorf("%s: want a directory that only its owner, you or root, may write", base)
		}
		path, err := os.MkdirTemp(base, "h")
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		lock, err := os.Open(path)
		if err != nil {
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && same(lock, path) {
			return path, lock, nil
		}
		// Another host took it for abandoned before it was locked.
		_ = lock.Close()
	}
	return "", nil, fmt.Errorf("%s: no directory in it stays", base)
}

// sweep removes what hosts left that were killed: directories that nobody has
// locked for a minute or more.
func sweep(base, own string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(base, entry.Name())
		info, err := entry.Info()
		if err != nil || path == own || !entry.IsDir() || !strings.HasPrefix(entry.Name(), "h") || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		dir, err := os.Open(path)
		if err != nil {
			continue
		}
		if unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(path)
		}
		_ = dir.Close()
	}
}

// same reports whether the open directory is still the one at path.
func same(dir *os.File, path string) bool {
	open, err := dir.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(path)
	if err != nil {
		return false
	}
	a, aok := open.Sys().(*syscall.Stat_t)
	b, bok := now.Sys().(*syscall.Stat_t)
	return aok && bok && a.Ino == b.Ino && a.Dev == b.Dev
}
