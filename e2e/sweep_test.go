package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSweep: what a failed test leaves is removed from the hosts, machines that
// its ledger knows nothing of included, and other users' machines stay.
func TestSweep(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t, "kvm1"), newWorld(t, "kvm1")
	state, before := filepath.Join(w.home, "state"), filepath.Join(w.home, "before")
	other.must("deploy", other.spec, "--cheapest", "--name", "others")
	w.must("deploy", w.spec, "--cheapest", "--name", "known")
	if err := os.CopyFS(before, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	w.must("deploy", w.spec, "--cheapest", "--name", "unknown")
	_, uuids := w.uuids()
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(before, state); err != nil {
		t.Fatal(err)
	}
	left := strings.Join(w.sweep(), "\n")
	there := strings.Fields(w.virsh("kvm1", "list", "--all", "--uuid"))
	for _, uuid := range uuids {
		if !strings.Contains(left, "domain "+uuid) || !strings.Contains(left, "volume meson-"+uuid) {
			t.Errorf("%s was not told of:\n%s", uuid, left)
		}
		if slices.Contains(there, uuid) || slices.ContainsFunc(w.volumes("kvm1"), func(v string) bool { return uuidIn(v) == uuid }) {
			t.Errorf("something of %s is still there", uuid)
		}
	}
	if len(uuids) != 2 {
		t.Errorf("%d machines were made, want 2", len(uuids))
	}
	if got := other.truth(); got != 1 {
		t.Errorf("the other user has %d machines, want 1", got)
	}
	other.must("rm", "others")
}
