package target

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
	if held, err := Locked(path); err != nil || held {
		t.Errorf("let go of: %v, %v", held, err)
	}
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
	if held, err := Locked(lock); err != nil || held {
		t.Errorf("after it was killed: %v, %v", held, err)
	}
	if use, err := ProbeImage(v.Image); err != nil || use.Open {
		t.Errorf("after that the image is used as %+v, %v", use, err)
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
	if err := qemu(); err != nil {
		t.Errorf("QEMU after us: %v", err)
	}
	// The other way round, while QEMU has it.
	cmd := exec.CommandContext(t.Context(), "qemu-io", "-f", "raw", image)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 1e10, "QEMU has it", func() bool { use, err := ProbeImage(image); return err == nil && use.Written })
	if _, err := LockImage(image); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("while QEMU writes it: %v, want busy", err)
	}
	_ = stdin.Close()
	_ = cmd.Wait()
	if use, err := ProbeImage(image); err != nil || use.Open {
		t.Errorf("after QEMU it is used as %+v, %v", use, err)
	}
}
