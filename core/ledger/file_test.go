package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/ledger/ledgertest"
)

// filled is the path of a closed ledger of some pages.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := ledger.Open(t.Context(), path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := l.Begin(t.Context(), ledgertest.Allocation(t, "")); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file that is not a whole ledger of a known schema is refused with what to
// do, and stays as it is.
func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	overwrite := func(from, size int64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = file.WriteAt(bytes.Repeat([]byte{0xa5}, int(size)), from)
			if err := firstOf(err, file.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	truncate := func(size int64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
		}
	}
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
		"overwritten page":    {overwrite(4096*4, 4096), core.Internal, "backup"},
		"overwritten pages":   {overwrite(4096, 4096*10), core.Internal, "backup"},
		"overwritten header":  {overwrite(0, 100), core.Internal, "backup"},
		"overwritten schema":  {overwrite(100, 3000), core.Internal, "backup"},
		"cut in the middle":   {truncate(4096 * 7), core.Internal, "backup"},
		"cut in a page":       {truncate(4096*7 + 1000), core.Internal, "backup"},
		"cut in the header":   {truncate(50), core.Internal, "backup"},
		"empty":               {truncate(0), core.Internal, "backup"},
		"newer":               {exec(`PRAGMA user_version = 99`), core.Unsupported, "newer meson"},
		"another program's":   {exec(`PRAGMA application_id = 7`), core.Internal, "backup"},
		"without an identity": {exec(`DELETE FROM meta`), core.Internal, "backup"},
		"newer, not finished": {
			exec(`PRAGMA user_version = 0; INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`),
			core.Unsupported, "newer meson",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			c.spoil(t, path)
			before := sum(t, path)
			for range 2 {
				l, err := ledger.Open(t.Context(), path, ledger.Options{})
				if err == nil {
					_ = l.Close()
					t.Fatal("it was opened")
				}
				e, ok := err.(*core.Error)
				if !ok || e.Kind != c.kind || !strings.Contains(e.Hint, c.hint) || e.Subject != path {
					t.Errorf("%v (hint %q): want kind %s, a hint at %q, the path", err, e.Hint, c.kind, c.hint)
				}
			}
			if sum(t, path) != before {
				t.Error("the file was changed")
			}
		})
	}
}

func TestLostFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path+"-wal", []byte("something"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(t.Context(), path, ledger.Options{}); core.KindOf(err) != core.Internal {
		t.Errorf("a -wal without its ledger: %v", err)
	}
	if _, err := ledger.Open(t.Context(), t.TempDir(), ledger.Options{}); core.KindOf(err) != core.Invalid {
		t.Errorf("a directory: %v", err)
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func sum(t *testing.T, path string) [32]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}

// A creation or a migration that was cut short is taken up.
func TestUnfinishedMigration(t *testing.T) {
	t.Parallel()
	path := filled(t)
	raw(t, path, func(db *sql.DB) {
		if _, err := db.Exec(`PRAGMA user_version = 0`); err != nil {
			t.Fatal(err)
		}
	})
	for _, suffix := range []string{".new", ".new-wal", ".new-journal"} {
		if err := os.WriteFile(path+suffix, []byte("half made"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, path)
	if all, err := l.Allocations(t.Context(), ledger.Filter{}); err != nil || len(all) != 20 {
		t.Errorf("%d allocations, %v", len(all), err)
	}
	fresh := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(fresh+".new", []byte("half made"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, fresh)
}

// A broker that is still running when a newer one migrates the ledger writes no
// more to it.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	path := filled(t)
	l := open(t, path)
	if err := l.Begin(t.Context(), ledgertest.Allocation(t, "")); err != nil {
		t.Fatal(err)
	}
	raw(t, path, func(db *sql.DB) {
		if _, err := db.Exec(`PRAGMA user_version = 99`); err != nil {
			t.Fatal(err)
		}
	})
	if err := l.Begin(t.Context(), ledgertest.Allocation(t, "")); core.KindOf(err) != core.Unsupported {
		t.Errorf("a write after that: %v", err)
	}
}

// Nobody else may read anything, and secrets stand in no file but their own.
func TestPrivacy(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a new", "odd?name#1%41")
	path := filepath.Join(dir, "ledger.db")
	l := open(t, path)
	a := ledgertest.Allocation(t, "web")
	if err := l.Begin(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	for _, number := range []int{1, 2} {
		if err := l.AddAttempt(t.Context(), ledgertest.Attempt(a, number), core.Event{Step: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Change(t.Context(), a.ID, core.Event{Step: "x"}, func(row *core.Allocation) error {
		row.Pledge = a.Pledge
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lock(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if err := l.Backup(t.Context(), filepath.Join(dir, "backup.db")); err != nil {
		t.Fatal(err)
	}
	look := func(wantSecrets int) {
		t.Helper()
		found, files := 0, 0
		err := filepath.WalkDir(filepath.Dir(dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if info.IsDir() {
				want = 0o700
			}
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %s", path, info.Mode())
			}
			if info.IsDir() {
				return nil
			}
			files++
			data, err := os.ReadFile(path)
			for _, secret := range []string{"Correct-Horse", "Battery-Staple"} {
				if bytes.Contains(data, []byte(secret)) {
					found++
					if filepath.Base(filepath.Dir(path)) != "secrets" {
						t.Errorf("%s holds a secret", path)
					}
				}
			}
			return err
		})
		if err != nil || found != wantSecrets || files < 5 {
			t.Errorf("found %d secrets in %d files (%v), want %d", found, files, err, wantSecrets)
		}
	}
	look(2)
	if err := l.DropSecrets(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	look(0)
}

func TestModesAreMended(t *testing.T) {
	t.Parallel()
	path := filled(t)
	for name, mode := range map[string]fs.FileMode{"": 0o644, "/../secrets": 0o755} {
		if err := os.Chmod(filepath.Clean(path+name), mode); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, path)
	if err := l.Begin(t.Context(), ledgertest.Allocation(t, "")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o600, "/../secrets": 0o700} {
		info, err := os.Stat(filepath.Clean(path + name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q has mode %s (%v)", name, info.Mode(), err)
		}
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	path := filled(t)
	l := open(t, path)
	v, x := ledgertest.Volume(t, ""), ledgertest.Attachment("mapped", "")
	x.Volume = v.ID
	if err := firstOf(l.AddVolumes(t.Context(), []core.VolumeRecord{v}, core.Event{}), l.AddAttachments(t.Context(), []core.AttachmentRecord{x}, core.Event{})); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "backup's.db")
	if err := l.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if err := l.Backup(t.Context(), copied); core.KindOf(err) != core.Conflict {
		t.Errorf("over a file that is there: %v", err)
	}
	restored := open(t, copied)
	if restored.ID() != l.ID() || restored.Hash(nil) != l.Hash(nil) {
		t.Error("the copy is another ledger")
	}
	want, err := l.Allocations(t.Context(), ledger.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := restored.Allocations(t.Context(), ledger.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b core.Secret) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if got, err := restored.Volume(t.Context(), v.ID); err != nil || got.Name != v.Name {
		t.Errorf("its volume is %+v, %v", got, err)
	}
	if got, err := restored.Attachment(t.Context(), x.ID); err != nil || got.Volume != v.ID {
		t.Errorf("its attachment is %+v, %v", got, err)
	}
	if err := restored.Begin(t.Context(), ledgertest.Allocation(t, "after")); err != nil {
		t.Error(err)
	}
}

// Prune clears what allocations left beside the store, and nothing else there.
func TestPruneSides(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, path)
	live, ended := ledgertest.Allocation(t, ""), ledgertest.Allocation(t, "")
	kept, removed := ledgertest.Volume(t, ""), ledgertest.Volume(t, "")
	if err := l.AddVolumes(ctx, []core.VolumeRecord{kept, removed}, core.Event{}); err != nil {
		t.Fatal(err)
	}
	for _, v := range []core.VolumeRecord{kept, removed} {
		unlock, err := l.Lock(ctx, v.ID)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
	if _, err := l.ChangeVolume(ctx, removed.ID, core.Event{}, func(v *core.VolumeRecord) error { v.State = core.VolumeRefused; return nil }); err != nil {
		t.Fatal(err)
	}
	early, orphan := ledger.NewID(), ledger.NewID()
	for _, a := range []core.Allocation{live, ended} {
		unlock, err := l.Lock(ctx, a.ID)
		if err := firstOf(err, l.Begin(ctx, a)); err != nil {
			t.Fatal(err)
		}
		unlock()
	}
	if _, err := l.Change(ctx, ended.ID, core.Event{}, func(a *core.Allocation) error { a.State = core.Gone; return nil }); err != nil {
		t.Fatal(err)
	}
	secrets := ledger.SecretsOf(live.Pledge)
	for _, id := range []string{ended.ID, early, orphan} {
		if err := l.PutSecrets(ctx, id, secrets); err != nil {
			t.Fatal(err)
		}
	}
	side := func(kind, name string) string { return filepath.Join(filepath.Dir(path), kind, name) }
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(side("secrets", orphan+".json"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := l.Prune(ctx, time.Now().Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(side("locks", ended.ID)); err != nil {
		t.Error("the lock of one that ended just now is gone")
	}
	if got, err := l.Secrets(ctx, early); err != nil || got != secrets {
		t.Errorf("the secrets of one about to begin are gone: %v", err)
	}
	if err := l.Prune(ctx, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for path, kept := range map[string]bool{
		side("secrets", live.ID+".json"): true, side("secrets", ended.ID+".json"): false, side("secrets", orphan+".json"): false,
		side("locks", live.ID): true, side("locks", ended.ID): false, side("locks", kept.ID): true, side("locks", removed.ID): false,
	} {
		if _, err := os.Stat(path); (err == nil) != kept {
			t.Errorf("%s is kept: %t, want %t", path, err == nil, kept)
		}
	}
}
