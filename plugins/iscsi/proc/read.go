// Package proc reads what /proc says of a process whose own part of it may be locked.
package proc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrStuck is why what is known of a process alone by its memory is not known.
var ErrStuck = errors.New("a process waits in the kernel, and nobody can read its command line or environment")

// patience is how long a read may take; it takes microseconds.
const patience = time.Second

// Read reads cmdline or environ of the process whose directory of /proc is dir.
// Both are read from its memory, which a process that hangs in the kernel may have
// locked, for as long as it hangs: then ErrStuck, after a second. Nothing else in dir
// waits for that.
func Read(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	if waits(dir) {
		return readAside(path)
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	// A process that hangs only now holds this thread; the next call sees it hang.
	go func() {
		data, err := os.ReadFile(path)
		done <- result{data, err}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.data, r.err
	case <-timer.C:
		return nil, ErrStuck
	}
}

// waits reports whether a thread of the process waits in the kernel, as for a disk:
// most do so for a moment only.
func waits(dir string) bool {
	threads, _ := filepath.Glob(filepath.Join(dir, "task", "[0-9]*"))
	for _, t := range threads {
		stat, err := os.ReadFile(filepath.Join(t, "stat"))
		// The state is behind the name in brackets, which may have anything in it.
		if at := strings.LastIndex(string(stat), ") "); err == nil && at >= 0 && strings.HasPrefix(string(stat[at+2:]), "D") {
			return true
		}
	}
	return false
}

// readAside has another process read: that one can be killed while it waits, and
// nothing of this one stays behind.
func readAside(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "cat", "--", path).Output()
	switch {
	case ctx.Err() != nil:
		return nil, ErrStuck
	case err != nil && unix.Access(path, unix.F_OK) != nil:
		return nil, os.ErrNotExist
	}
	return out, err
}

// MayLogTo reports whether the process whose directory of /proc is dir may have the
// file path as its standard error: false where it surely has not. It waits for nothing,
// and so tells whose a process is that is stuck.
func MayLogTo(dir, path string) bool {
	to, err := os.Readlink(filepath.Join(dir, "fd", "2"))
	if err != nil {
		_, gone := os.Lstat(dir)
		return !errors.Is(gone, os.ErrNotExist)
	}
	if to = strings.TrimSuffix(to, " (deleted)"); to == path {
		return true
	}
	at, err := filepath.EvalSymlinks(filepath.Dir(path))
	return err != nil || to == filepath.Join(at, filepath.Base(path))
}
