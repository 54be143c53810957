package ledger_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func TestRestore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		had    []string
		forced bool
		want   core.Kind
		text   string
	}{
		"all is over":   {had: []string{"old!", "older!"}},
		"still there":   {had: []string{"web", "old!"}, want: core.Conflict, text: "not final: web "},
		"many there":    {had: []string{"a", "b", "c", "d", "e", "f", "g"}, want: core.Conflict, text: "and 2 more"},
		"forced":        {had: []string{"web", "old!"}, forced: true},
		"nothing there": {had: nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backup := backedUp(t, "kept", "gone!")
			before := sum(t, backup)
			path := named(t, c.had...)
			had := names(t, path)
			done, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{Force: c.forced, Clock: noon})
			if core.KindOf(err) != c.want || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Fatalf("%v of kind %q, want %q with %q", err, core.KindOf(err), c.want, c.text)
			}
			if sum(t, backup) != before || len(beside(t, backup)) != 0 {
				t.Errorf("the backup was touched: %v", beside(t, backup))
			}
			if err != nil {
				if got := names(t, path); got != had || len(beside(t, path)) != 0 {
					t.Errorf("the ledger has %q, had %q; beside it %v", got, had, beside(t, path))
				}
				return
			}
			want := ledger.Restored{Ledger: path, Kept: path + ".before-20261121T120000Z", Allocations: 2, Open: 1}
			if done != want {
				t.Errorf("%+v, want %+v", done, want)
			}
			if got := names(t, path); got != "gone kept" {
				t.Errorf("restored %q", got)
			}
			if got := beside(t, path); !slices.Equal(got, []string{done.Kept}) {
				t.Errorf("beside it %v", got)
			}
			for _, file := range []string{path, done.Kept} {
				if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s has mode %s (%v)", file, info.Mode(), err)
				}
			}
			if got := names(t, done.Kept); got != had {
				t.Errorf("kept %q, want %q", got, had)
			}
			// And back again, to a second name in the same second.
			again, err := ledger.Restore(t.Context(), path, done.Kept, ledger.RestoreOptions{Force: true, Clock: noon})
			if err != nil || again.Kept != done.Kept+"-2" || names(t, path) != had {
				t.Errorf("%+v, %v: %q", again, err, names(t, path))
			}
		})
	}
}

// Where there is no ledger, as on a new machine, there is nothing to keep; the
// event of the restore is the newest.
func TestRestoreToANewPlace(t *testing.T) {
	t.Parallel()
	backup := backedUp(t, "kept")
	path := filepath.Join(t.TempDir(), "a new", "place", "ledger.db")
	done, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{})
	if err != nil || done.Kept != "" || names(t, path) != "kept" {
		t.Fatalf("%+v, %v", done, err)
	}
	l := open(t, path)
	events, err := l.Events(t.Context(), ledger.Query{})
	if err != nil || events[len(events)-1].Step != ledger.StepRestored {
		t.Errorf("%+v, %v", events, err)
	}
	if l.ID() != open(t, backup).ID() {
		t.Error("it is another ledger")
	}
}

// A backup of an older Meson is brought up to date, and what is still in the
// companion of a copy made by other means is not lost.
func TestRestoreOfOtherCopies(t *testing.T) {
	t.Parallel()
	older := backedUp(t, "kept")
	raw(t, older, func(db *sql.DB) {
		if _, err := db.Exec(`PRAGMA user_version = 1`); err != nil {
			t.Fatal(err)
		}
	})
	for backup, want := range map[string]string{older: "kept", hot(t, "kept", "newest"): "kept newest"} {
		path := named(t)
		if _, err := ledger.Restore(t.Context(), path, backup, ledger.RestoreOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := names(t, path); got != want {
			t.Errorf("restored %q, want %q", got, want)
		}
	}
}
