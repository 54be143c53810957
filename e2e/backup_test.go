package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRestoredLedger: a ledger that was put back from a backup does not know the
// machines made since. It says so, and leaves them alone; the ledger that was
// kept knows all.
func TestRestoredLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kvm1")
	backup := filepath.Join(w.home, "backup.db")
	w.must("deploy", w.spec, "--cheapest", "--name", "kept")
	w.must("backup", backup)
	w.must("deploy", w.spec, "--cheapest", "--name", "forgotten")
	if _, errs, code := w.meson("restore", backup); code != 4 || !strings.Contains(errs, "forgotten") {
		t.Errorf("exit %d: want 4, and what would be forgotten\n%s", code, errs)
	}
	var done struct{ Kept string }
	if err := json.Unmarshal([]byte(w.must("restore", backup, "--force", "-o", "json")), &done); err != nil {
		t.Fatal(err)
	}
	_, errs, code := w.meson("resume")
	if code != 0 || !strings.Contains(errs, "name=forgotten") || strings.Contains(errs, "name=kept") {
		t.Errorf("exit %d: want a warning of the machine that was forgotten, and of no other\n%s", code, errs)
	}
	w.must("restore", done.Kept, "--force")
	if _, errs, _ := w.meson("resume"); strings.Contains(errs, "name=") {
		t.Errorf("all machines are known again, and it warns:\n%s", errs)
	}
	w.must("rm", "kept", "forgotten")
	if got := w.truth(); got != 0 {
		t.Errorf("%d machines after rm", got)
	}
}

// TestRestoreSecrets: the password of a machine that was being made is not in a
// backup, and stays where it is when one is put back: the machine is finished.
func TestRestoreSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kvm1")
	w.write("secret.json", strings.Replace(bootSpec, `"slots":1`, `"slots":1,"authentication":{"username":"ada","password":"Correct-Horse"}`, 1))
	secret, backup := filepath.Join(w.home, "secret.json"), filepath.Join(w.home, "backup.db")
	w.order("broker", 2) // the intent to create is recorded
	w.meson("deploy", secret, "--cheapest", "--name", "half")
	if got := w.state("half"); got != "creating" {
		t.Fatalf("killed while it was made, it is %q", got)
	}
	w.must("backup", backup)
	if data, err := os.ReadFile(backup); err != nil || strings.Contains(string(data), "Correct-Horse") {
		t.Errorf("the password is in the backup (%v)", err)
	}
	w.must("restore", backup, "--force")
	w.must("resume")
	if got := w.state("half"); got != "running" {
		t.Errorf("it is %s", got)
	}
	w.must("rm", "half")
}
