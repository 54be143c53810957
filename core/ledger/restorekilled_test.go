package ledger_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mesoncloud/meson/core/ledger"
)

const restoreEnv = "MESON_LEDGER_TEST_RESTORE" // PATH:BACKUP:STEP

// TestKilledRestore kills a restore at each of its steps: what is there then is
// the one ledger or the other, whole, and the next restore succeeds and leaves
// nothing of the killed one.
func TestKilledRestore(t *testing.T) {
	if order := os.Getenv(restoreEnv); order != "" {
		restoreAndDie(t, strings.Split(order, ":"))
		return
	}
	t.Parallel()
	steps := 0
	for n, killed := 1, true; killed; n++ {
		backup, path := backedUp(t, "kept"), hot(t, "web", "web2")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledRestore$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s:%s:%d", restoreEnv, path, backup, n))
		out, err := cmd.CombinedOutput()
		killed = cmd.ProcessState != nil && cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
		if !killed && err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got, kept := names(t, path), "web web2"
		switch {
		case killed:
			steps++
		case got != "kept":
			t.Errorf("after the restore it is %q", got)
		}
		if got != kept && got != "kept" {
			t.Errorf("killed at step %d: %q", n, got)
		}
		for _, file := range beside(t, path) {
			if strings.HasPrefix(filepath.Base(file), "ledger.db.before-") && names(t, file) != kept {
				t.Errorf("killed at step %d: kept %q", n, names(t, file))
			}
		}
		if _, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{Force: true}); err != nil {
			t.Errorf("killed at step %d, restored again: %v", n, err)
		}
		if got := names(t, path); got != "kept" {
			t.Errorf("killed at step %d, restored again: %q", n, got)
		}
		for _, file := range beside(t, path) {
			if !strings.HasPrefix(filepath.Base(file), "ledger.db.before-") {
				t.Errorf("killed at step %d: %s is left", n, file)
			}
		}
	}
	if steps < 6 {
		t.Errorf("killed at %d steps, want at least 6", steps)
	}
}

func restoreAndDie(t *testing.T, order []string) {
	at, err := strconv.Atoi(order[2])
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if _, err := ledger.Restore(t.Context(), order[0], order[1], ledger.RestoreOptions{Force: true, Step: func(string) {
		if n++; n == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}); err != nil {
		t.Fatal(err)
	}
}
