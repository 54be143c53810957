package target

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// findAny is the daemon of a directory, nil if none runs, also one whose files
// were removed under it: that one is looked for among all processes.
func findAny(dir string) (*process, error) {
	p, err := findProcess(dir)
	if err != nil || p != nil {
		return p, err
	}
	if _, err := os.Stat(filepath.Join(dir, "tgtd.0.lock")); !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return findOrphan(dir)
}

// findProcess is the daemon of a directory, nil if none runs: tgtd holds a lock
// on a file beside its socket as long as it lives, and the kernel says who does.
// It is the caller's to close.
func findProcess(dir string) (*process, error) {
	for range 3 {
		pid, err := lockHolder(filepath.Join(dir, "tgtd.0.lock"))
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		if err != nil || pid == 0 {
			return nil, err
		}
		p, err := openProcess(pid, dir)
		if err != nil || p != nil {
			return p, err
		}
		// It died between the two looks, or the number is another's already.
	}
	return nil, fmt.Errorf("%s: the lock is held by a process that is no tgtd of this directory", dir)
}

// findOrphan looks through all processes for a daemon of a directory whose files
// were removed under it.
func findOrphan(dir string) (*process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !isTgtd(pid) {
			continue
		}
		if p, err := openProcess(pid, dir); err != nil || p != nil {
			return p, err
		}
	}
	return nil, nil
}

func isTgtd(pid int) bool {
	comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return err == nil && strings.TrimSpace(string(comm)) == "tgtd"
}

// lockHolder is the process that holds tgtd's lock on a file, 0 if none does.
func lockHolder(path string) (int, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("probe the lock of %s: %w", path, err)
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	if lock.Pid <= 0 {
		return 0, fmt.Errorf("%s is locked by a process that cannot be seen from here", path)
	}
	return int(lock.Pid), nil
}
