package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRestoredLedger: a ledger that was put back from a backup does not know the
// machines made since. It says so, and leaves them alone.
func TestRestoredLedger(t *testing.T) {
	w := newWorld(t, "kvm1")
	state, newer := filepath.Join(w.home, "state"), filepath.Join(w.home, "newer")
	backup := filepath.Join(w.home, "backup")
	w.must("deploy", w.spec, "--cheapest", "--name", "kept")
	if err := os.CopyFS(backup, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	w.must("deploy", w.spec, "--cheapest", "--name", "forgotten")
	swap := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	swap(state, newer)
	swap(backup, state)
	_, errs, code := w.meson("resume")
	if code != 0 || !strings.Contains(errs, "name=forgotten") || strings.Contains(errs, "name=kept") {
		t.Errorf("exit %d: want a warning of the machine that was forgotten, and of no other\n%s", code, errs)
	}
	swap(state, backup)
	swap(newer, state)
	if _, errs, _ := w.meson("resume"); strings.Contains(errs, "name=") {
		t.Errorf("all machines are known again, and it warns:\n%s", errs)
	}
	w.must("rm", "kept", "forgotten")
	if got := w.truth(); got != 0 {
		t.Errorf("%d machines after rm", got)
	}
}
