package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// lab runs lab/upcloud in a lab of the test's own, and returns its exit code and
// what it prints.
func lab(t *testing.T, dir string, args ...string) (int, string) {
	t.Helper()
	script, err := filepath.Abs("../../../upcloud")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), script, args...)
	c.Env = append(os.Environ(), "MESON_LAB_DIR="+dir, "GO=go")
	out, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

func TestLabUpcloud(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("lab/upcloud is for Linux")
	}
	dir := t.TempDir()
	t.Cleanup(func() {
		stop := exec.Command("../../../upcloud", "stop") //nolint:noctx // the test's context has ended
		stop.Env = append(os.Environ(), "MESON_LAB_DIR="+dir)
		_ = stop.Run()
	})
	expect := func(code int, want string, args ...string) string {
		t.Helper()
		got, out := lab(t, dir, args...)
		if got != code || !strings.Contains(out, want) {
			t.Fatalf("lab/upcloud %v: exit %d, %q; want exit %d, %q", args, got, out, code, want)
		}
		return out
	}
	expect(3, "no emulator", "status")
	expect(3, "", "env")
	expect(0, "", "stop")
	expect(2, "", "sing")
	expect(2, "", "start", "fast")

	// At the same time from many places, there is one.
	var all [4]string
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() { _, all[i] = lab(t, dir, "start", "0") })
	}
	wait.Wait()
	for _, out := range all {
		if out != all[0] || !strings.Contains(out, "MESON_LAB_UPCLOUD_URL=http://127.0.0.1:") {
			t.Fatalf("%q is not %q", out, all[0])
		}
	}
	expect(0, all[0], "env")
	status := expect(0, "upcloud running pid=", "status")

	for line := range strings.Lines(all[0]) {
		key, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		if !strings.HasSuffix(key, "TOKEN_FILE") {
			continue
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", key, info.Mode(), err)
		}
	}

	// One that died is started anew.
	_, rest, _ := strings.Cut(status, "pid=")
	pid, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	cmdline, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil || strings.Contains(string(cmdline), "ucat_") {
		t.Errorf("its command line: %q, %v", cmdline, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	expect(1, "upcloud off", "status")
	expect(0, "MESON_LAB_UPCLOUD_URL=", "start")
	expect(0, "running", "status")
	expect(0, "", "stop")
	expect(3, "no emulator", "status")
	if _, err := os.Stat(filepath.Join(dir, "upcloud")); !os.IsNotExist(err) {
		t.Errorf("stop leaves something: %v", err)
	}
}
