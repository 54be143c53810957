package ledger_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/ledger/ledgertest"
)

// A backup that is none changes nothing.
func TestRestoreOfWhatIsNoBackup(t *testing.T) {
	t.Parallel()
	exec := func(text string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			raw(t, path, func(db *sql.DB) {
				if _, err := db.Exec(text); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
	for name, c := range map[string]struct {
		spoil func(*testing.T, string)
		kind  core.Kind
		hint  string
	}{
		"missing": {func(t *testing.T, path string) { _ = os.Remove(path) }, core.Invalid, ""},
		"a directory": {func(t *testing.T, path string) {
			if err := firstOf(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, core.Invalid, ""},
		"empty": {func(t *testing.T, path string) { _ = os.Truncate(path, 0) }, core.Internal, "another backup"},
		"cut":   {func(t *testing.T, path string) { _ = os.Truncate(path, 4096*6+100) }, core.Internal, "another backup"},
		"overwritten": {func(t *testing.T, path string) {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = file.WriteAt(make([]byte, 4096), 4096*4)
			if err := firstOf(err, file.Close()); err != nil {
				t.Fatal(err)
			}
		}, core.Internal, "another backup"},
		"another program's":   {exec(`PRAGMA application_id = 7`), core.Internal, "another backup"},
		"without an identity": {exec(`DELETE FROM meta`), core.Internal, "another backup"},
		"newer":               {exec(`PRAGMA user_version = 99`), core.Unsupported, "newer meson"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backup, path := backedUp(t, "a", "b", "c"), named(t, "web")
			c.spoil(t, backup)
			before := sum(t, path)
			_, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{Force: true})
			e, ok := err.(*core.Error)
			if !ok {
				t.Fatalf("%v: want a core.Error", err)
			}
			if e.Kind != c.kind || e.Subject != backup || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%v (hint %q): want kind %s, a hint at %q, the backup's path", err, e.Hint, c.kind, c.hint)
			}
			if sum(t, path) != before || len(beside(t, path)) != 0 {
				t.Errorf("something was changed: %v", beside(t, path))
			}
		})
	}
	path := named(t, "web")
	if _, err := ledger.Restore(t.Context(), path, path, ledger.RestoreOptions{Force: true}); core.KindOf(err) != core.Invalid {
		t.Errorf("the ledger over itself: %v", err)
	}
}

// A ledger that cannot be read may hold machines: it is replaced by force alone,
// and kept with all that belongs to it.
func TestRestoreOverWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	backup, path := backedUp(t, "kept"), named(t, "web")
	for name, text := range map[string]string{path: "spoiled", path + "-wal": "its wal"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{})
	if core.KindOf(err) != core.Conflict || !strings.Contains(err.Error(), "cannot be read") {
		t.Fatalf("%v", err)
	}
	done, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{done.Kept: "spoiled", done.Kept + "-wal": "its wal"} {
		if data, err := os.ReadFile(name); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if got := names(t, path); got != "kept" {
		t.Errorf("restored %q", got)
	}
}

// While somebody has the ledger open it is not replaced, and who opens it while
// it is being replaced waits.
func TestRestoreIsAlone(t *testing.T) {
	t.Parallel()
	backup, path := backedUp(t, "kept"), named(t, "old!")
	l := open(t, path)
	_, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{Wait: 50 * time.Millisecond})
	if core.KindOf(err) != core.Busy || !strings.Contains(err.Error(), "another meson command has the ledger open") {
		t.Errorf("%v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	opened := make(chan string, 1)
	if _, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{Step: func(step string) {
		if step == "old.kept" {
			go func() { opened <- names(t, path) }()
			time.Sleep(50 * time.Millisecond)
		}
	}}); err != nil {
		t.Fatal(err)
	}
	if got := <-opened; got != "kept" {
		t.Errorf("who opened it meanwhile saw %q", got)
	}

	// A program that knows nothing of Meson's locks.
	path = named(t, "old!")
	raw(t, path, func(db *sql.DB) {
		if _, err := db.Exec(`BEGIN IMMEDIATE; CREATE TABLE x (y)`); err != nil {
			t.Fatal(err)
		}
		_, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{Wait: 300 * time.Millisecond})
		if core.KindOf(err) != core.Busy || !strings.Contains(err.Error(), "another program") {
			t.Errorf("%v", err)
		}
	})
	if got := names(t, path); got != "old" || len(beside(t, path)) != 0 {
		t.Errorf("%q, beside it %v", got, beside(t, path))
	}
}

// A ledger that holds volumes, and no machine, is not replaced unasked.
func TestRestoreOverVolumes(t *testing.T) {
	t.Parallel()
	path, backup := named(t, "web!"), backedUp(t)
	l, err := ledger.Open(t.Context(), path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := ledgertest.Volume(t, "")
	if err := firstOf(l.AddVolumes(t.Context(), []core.VolumeRecord{v}, core.Event{Step: "x"}), l.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{})
	if core.KindOf(err) != core.Conflict || !strings.Contains(err.Error(), "holds volumes: data "+v.ID+" (intended)") {
		t.Errorf("%v", err)
	}
	if _, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{Force: true}); err != nil {
		t.Error(err)
	}
	// One of an older schema has none.
	if _, err := ledger.Restore(t.Context(), schema1(t), backup, ledger.RestoreOptions{}); err != nil {
		t.Errorf("over a ledger of the first schema: %v", err)
	}
}
