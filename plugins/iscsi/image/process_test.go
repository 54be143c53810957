package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/proc"
)

// A process that hangs in the kernel is not waited for; where it may be the daemon,
// that is unknown. What cannot be read is a pipe here that nobody writes to.
func TestSearchPastAProcessThatHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		name, comm, log string
		unknown         bool
	}{
		{"another program", "cp", filepath.Join(dir, "log"), false},
		{"the daemon of another volume", "qemu-storage-da", "/elsewhere/log", false},
		{"the daemon", "qemu-storage-da", filepath.Join(dir, "log"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			add(t, root, 7, c.comm, c.log)
			add(t, root, 8, "qemu-storage-da", "/elsewhere/log", "qemu-storage-daemon", "--chardev", monitorArg("/elsewhere"))
			begun := time.Now()
			_, ok, err := search(root, dir)
			if ok || (err != nil) != c.unknown || c.unknown && !errors.Is(err, proc.ErrStuck) {
				t.Errorf("%v, %v", ok, err)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			// One that is there is found all the same.
			add(t, root, 9, "qemu-storage-da", filepath.Join(dir, "log"), "qemu-storage-daemon", "--chardev", monitorArg(dir))
			if p, ok, err := search(root, dir); err != nil || !ok || p.PID != 9 {
				t.Errorf("%v, %v, %v: want process 9", p, ok, err)
			}
		})
	}
}

// add makes a process of a /proc; without arguments one that hangs.
func add(t *testing.T, root string, pid int, comm, log string, args ...string) {
	t.Helper()
	at := filepath.Join(root, fmt.Sprint(pid))
	state, line := "S", ""
	for _, a := range args {
		line += a + "\x00"
	}
	if len(args) == 0 {
		state = "D"
	}
	stat := []byte(fmt.Sprintf("%d (%s) %s 1%s", pid, comm, state, " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 42"))
	err := errors.Join(
		os.MkdirAll(filepath.Join(at, "task", fmt.Sprint(pid)), 0o700), os.Mkdir(filepath.Join(at, "fd"), 0o700),
		os.Symlink(log, filepath.Join(at, "fd", "2")), os.WriteFile(filepath.Join(at, "comm"), []byte(comm+"\n"), 0o600),
		os.WriteFile(filepath.Join(at, "stat"), stat, 0o600), os.WriteFile(filepath.Join(at, "task", fmt.Sprint(pid), "stat"), stat, 0o600),
	)
	if len(args) == 0 {
		err = errors.Join(err, unix.Mkfifo(filepath.Join(at, "cmdline"), 0o600))
	} else {
		err = errors.Join(err, os.WriteFile(filepath.Join(at, "cmdline"), []byte(line), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}
