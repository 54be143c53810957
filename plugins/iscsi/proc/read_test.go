package proc

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// directory is what /proc has of a process: a pipe that nobody writes to is what
// cannot be read.
func directory(t *testing.T, state string, stuck bool) string {
	t.Helper()
	dir := t.TempDir()
	thread := filepath.Join(dir, "task", "7")
	if err := errors.Join(os.MkdirAll(thread, 0o700), os.WriteFile(filepath.Join(thread, "stat"), []byte("7 (a) R) "+state+" 1 7"), 0o600)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "cmdline")
	if !stuck {
		if err := os.WriteFile(path, []byte("a\x00b\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // lets go of who waits still
		if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
			time.Sleep(10 * time.Millisecond)
			_ = f.Close()
		}
	})
	return dir
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, state string
		stuck       bool
	}{
		{"one that sleeps", "S", false},
		{"one that waits for a disk", "D", false},
		{"one that hangs", "D", true},
		{"one that begins to hang", "S", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			got, err := Read(directory(t, c.state, c.stuck), "cmdline")
			switch {
			case c.stuck && !errors.Is(err, ErrStuck):
				t.Errorf("%q, %v: want ErrStuck", got, err)
			case !c.stuck && (err != nil || string(got) != "a\x00b\x00"):
				t.Errorf("%q, %v", got, err)
			case time.Since(begun) > 10*patience:
				t.Errorf("it took %s", time.Since(begun))
			}
		})
	}
	if _, err := Read(t.TempDir(), "cmdline"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v: there is no such process", err)
	}
	if got, err := Read("/proc/self", "cmdline"); err != nil || len(got) == 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestMayLogTo(t *testing.T) {
	t.Parallel()
	real, dir := t.TempDir(), t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.Symlink(real, link), os.Mkdir(filepath.Join(dir, "fd"), 0o700)); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(real, "log")
	for _, c := range []struct {
		name, at, path string
		want           bool
	}{
		{"the file", log, log, true},
		{"the file, removed", log + " (deleted)", log, true},
		{"the file, by a link", log, filepath.Join(link, "log"), true},
		{"another one", "/dev/null", log, false},
		{"one of a directory that is gone", log, "/nowhere/log", true},
	} {
		at := filepath.Join(dir, "fd", "2")
		_ = os.Remove(at)
		if err := os.Symlink(c.at, at); err != nil {
			t.Fatal(err)
		}
		if got := MayLogTo(dir, c.path); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if MayLogTo(filepath.Join(dir, "none"), log) {
		t.Error("a process that is gone")
	}
}
