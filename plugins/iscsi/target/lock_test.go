package target

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

func TestLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if held, err := Locked(path); err != nil || held {
		t.Errorf("before there is a file: %v, %v", held, err)
	}
	f, err := LockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockFile(path); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("a second lock: %v, want busy", err)
	}
	if held, err := Locked(path); err != nil || !held {
		t.Errorf("locked: %v, %v", held, err)
	}
	_ = f.Close()
	eventually(t, 10*time.Second, "it was let go of", func() bool { held, err := Locked(path); return err == nil && !held })
}

// The lock is the daemon's: it stays when the process that took it is gone, and
// goes with the daemon.
func TestLockLivesWithTheDaemon(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	ensure(t, h, v)
	lock := filepath.Join(filepath.Dir(v.Image), "lock")
	if held, err := Locked(lock); err != nil || !held {
		t.Errorf("while it runs: %v, %v", held, err)
	}
	if use, err := ProbeImage(v.Image); err != nil || !use.Written || !use.Unshared {
		t.Errorf("the image is used as %+v, %v", use, err)
	}
	kill(t, h, v.Key)
	// Not at once: a process that is just being started by this one, for another
	// test, has all its descriptors until it is what it is to be.
	eventually(t, 10*time.Second, "killed, it has let go", func() bool { held, err := Locked(lock); return err == nil && !held })
	eventually(t, 10*time.Second, "nobody uses the image", func() bool { use, err := ProbeImage(v.Image); return err == nil && !use.Open })
}

// Served for reading a volume has no lock; with a writer it has, from the moment
// that he is let in until he no longer is.
func TestLockComesAndGoesWithTheWriter(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	lock, take, writer := filepath.Join(filepath.Dir(v.Image), "lock"), v.Locks, v.Targets[0]
	reader := testTarget(1, "r1")
	reader.ReadOnly = true
	for _, writes := range []bool{false, true, false} {
		v.Locks, v.Targets = nil, []Target{reader}
		if writes {
			v.Locks, v.Targets = take, []Target{reader, writer}
		}
		ensure(t, h, v)
		eventually(t, 10*time.Second, "locked where somebody writes", func() bool { held, err := Locked(lock); return err == nil && held == writes })
		if same := ensure(t, h, v).Pid; same != ensure(t, h, v).Pid {
			t.Error("an Ensure that had nothing to do started it again")
		}
	}
}

// QEMU and we keep each other from writing one image.
func TestImageLockIsQEMUs(t *testing.T) {
	needTgt(t)
	t.Parallel()
	image := filepath.Join(t.TempDir(), "data.img")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	qemu := func(args ...string) error {
		cmd := exec.CommandContext(t.Context(), "qemu-io", append([]string{"-f", "raw", "-c", "read 0 512"}, append(args, image)...)...)
		out, err := cmd.CombinedOutput()
		if err != nil && !strings.Contains(string(out), "lock") {
			t.Errorf("qemu-io: %v: %s", err, out)
		}
		return err
	}
	f, err := LockImage(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := qemu(); err == nil {
		t.Error("QEMU opens for writing what we write")
	}
	if _, err := LockImage(image); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("a second writer: %v, want busy", err)
	}
	_ = f.Close()
	eventually(t, 10*time.Second, "QEMU has it after us", func() bool { return qemu() == nil })
	// The other way round, while QEMU has it.
	cmd := exec.CommandContext(t.Context(), "qemu-io", "-f", "raw", image)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "QEMU has it", func() bool { use, err := ProbeImage(image); return err == nil && use.Written })
	if _, err := LockImage(image); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("while QEMU writes it: %v, want busy", err)
	}
	_ = stdin.Close()
	_ = cmd.Wait()
	eventually(t, 10*time.Second, "nobody has it", func() bool { use, err := ProbeImage(image); return err == nil && !use.Open })
}
