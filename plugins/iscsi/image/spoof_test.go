package image

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Another user's process with the name and the arguments of a daemon is none.
func TestOtherUsersProcess(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	find := func(uid uint32) bool {
		t.Helper()
		cmd := exec.Command("/bin/sh", "-c", "echo qemu-storage-da >/proc/$$/comm; sleep 60; true", "x", monitorArg(dir))
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		}()
		for range 100 {
			if d, err := New(Options{}).Find(t.Context(), dir); err != nil {
				t.Fatal(err)
			} else if d != nil {
				return true
			}
			time.Sleep(2 * time.Millisecond)
		}
		return false
	}
	if !find(0) {
		t.Error("our own is not found")
	}
	if find(65534) {
		t.Error("another user's is found")
	}
}
