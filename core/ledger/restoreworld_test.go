package ledger_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/ledger/ledgertest"
)

// named makes a ledger with allocations of these names, those with an
// exclamation mark final, and gives its path; it is closed.
func named(t *testing.T, names ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state", "ledger.db")
	l, err := ledger.Open(t.Context(), path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		begin(t, l, name)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func begin(t *testing.T, l ledger.Ledger, name string) {
	t.Helper()
	name, final := strings.CutSuffix(name, "!")
	a := ledgertest.Allocation(t, name)
	if err := l.Begin(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if !final {
		return
	}
	if _, err := l.Change(t.Context(), a.ID, core.Event{Step: "x"}, func(a *core.Allocation) error {
		a.State = core.Gone
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// hot is the path of a ledger that was not closed: the newest of its allocations
// stands in its -wal alone.
func hot(t *testing.T, older, newest string) string {
	t.Helper()
	live := named(t, older)
	l := open(t, live)
	begin(t, l, newest)
	path := filepath.Join(t.TempDir(), "ledger.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(live + suffix)
		if err != nil || len(data) == 0 {
			t.Fatalf("%s: %d bytes, %v", suffix, len(data), err)
		}
		if err := os.WriteFile(path+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// backedUp is a backup of a ledger with these allocations.
func backedUp(t *testing.T, names ...string) string {
	t.Helper()
	l := open(t, named(t, names...))
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := l.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	return file
}

// names are those of the allocations of a ledger, which is whole.
func names(t *testing.T, path string) string {
	t.Helper()
	l, err := ledger.Open(t.Context(), path, ledger.Options{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	all, err := l.Allocations(t.Context(), ledger.Filter{Final: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, path, func(db *sql.DB) {
		verdict := ""
		if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("%s: %q, %v", path, verdict, err)
		}
	})
	var found []string
	for _, a := range all {
		found = append(found, a.Name)
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

// beside are the files in a ledger's directory whose names begin with its own,
// without those that every ledger has.
func beside(t *testing.T, path string) []string {
	t.Helper()
	found, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(found, func(f string) bool {
		return slices.Contains([]string{"", ".use", ".checked", ".lock"}, strings.TrimPrefix(f, path))
	})
}

func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
