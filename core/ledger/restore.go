package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
)

// StepRestored is the event that a restored ledger begins its new life with.
const StepRestored = "ledger.restored"

// RestoreOptions of a restore. The zero value is good for use.
type RestoreOptions struct {
	// Force restores also where the ledger that is there holds allocations that
	// are not final, or cannot be read.
	Force bool
	// Wait is how long it is waited for others to close the ledger; 10 s by
	// default.
	Wait time.Duration
	// Log and Clock are as in Options.
	Log   *slog.Logger
	Clock func() time.Time
	// Step, if set, is told of every instant at which a kill would leave other
	// files behind. Fault tests kill in it.
	Step func(name string)
}

// Restored is what a restore did.
type Restored struct {
	// Ledger is the file that was replaced, Kept the one that holds what was
	// there; empty if nothing was.
	Ledger string
	Kept   string
	// Allocations counts those of the restored ledger, Open those that are not
	// final.
	Allocations int
	Open        int
}

// Restore puts the backup in a file in the place of the ledger at path, which
// need not be there. The backup is copied and stays as it is; its copy is checked
// whole and brought up to date before anything is replaced, and a copy of what
// was there is kept beside it. A kill at any instant leaves the one ledger or the
// other, whole. Secrets stay where they are: a backup has none, and those of
// machines being made may be needed yet.
//
// Conflict where the ledger that is there holds allocations that are not final,
// or volumes, or cannot be read, unless forced; Busy while somebody has it open; Invalid where
// there is no such backup, Internal where it is damaged or none, Unsupported where
// a newer Meson made it. After each of these all is as it was.
func Restore(ctx context.Context, path, backup string, o RestoreOptions) (Restored, error) {
	r := restore{RestoreOptions: o, backup: backup}
	r.Wait = cmp.Or(r.Wait, 10*time.Second)
	r.Log = cmp.Or(r.Log, slog.New(slog.DiscardHandler))
	if r.Clock == nil {
		r.Clock = time.Now
	}
	if r.Step == nil {
		r.Step = func(string) {}
	}
	var err error
	if r.path, err = filepath.Abs(path); err == nil {
		r.draft = r.path + ".restored"
		err = r.run(ctx)
	}
	if err != nil {
		return Restored{}, failure("restore ledger", backup, err)
	}
	return r.done, nil
}

// restore is one restore under way.
type restore struct {
	RestoreOptions
	path, backup string
	// draft is the copy of the backup that takes the ledger's place.
	draft string
	done  Restored
}

func (r *restore) run(ctx context.Context) (err error) {
	r.done.Ledger = r.path
	if err := os.MkdirAll(filepath.Dir(r.path), 0o700); err != nil {
		return err
	}
	alone, err := use(ctx, r.path, true, r.Wait)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, alone.Close()) }()
	if err := r.copyBackup(); err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, removeFiles(r.draft, suffixes()...)) }()
	r.Step("draft.copied")
	if err := r.prepare(ctx); err != nil {
		return r.ofBackup(err)
	}
	r.Step("draft.prepared")
	readable, err := r.mayReplace(ctx)
	if err != nil {
		return err
	}
	if err := r.keep(ctx, readable); err != nil {
		return err
	}
	r.Step("old.kept")
	if err := ctx.Err(); err != nil {
		return cmp.Or(err, r.forgetKept())
	}
	return r.replace()
}

// copyBackup makes the draft, after what a restore that was killed has left.
func (r *restore) copyBackup() error {
	info, err := os.Stat(r.backup)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &core.Error{Kind: core.Invalid, Text: "there is no such file"}
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &core.Error{Kind: core.Invalid, Text: "want a file, this is " + info.Mode().Type().String()}
	}
	if old, err := os.Stat(r.path); err == nil && os.SameFile(old, info) {
		return &core.Error{Kind: core.Invalid, Text: "this is the ledger itself"}
	}
	for _, left := range []string{r.draft, r.path + partSuffix} {
		if err := removeFiles(left, suffixes()...); err != nil {
			return err
		}
	}
	// A copy by other means than Backup may have its newest part beside it.
	return copyFiles(r.backup, r.draft, r.path+partSuffix)
}

// prepare checks the draft, brings it up to date and makes it one file.
func (r *restore) prepare(ctx context.Context) (err error) {
	s := &SQLite{path: r.draft, log: r.Log, clock: r.Clock}
	if s.writer, err = openPool(s.path, readWrite, 1); err != nil {
		return err
	}
	s.reader = s.writer
	defer func() { err = cmp.Or(err, s.writer.Close()) }()
	if _, err := s.inspect(ctx); err != nil {
		return err
	}
	if err := s.whole(ctx); err != nil {
		return err
	}
	if err := runMigrations(ctx, s.path, s.log); err != nil {
		return err
	}
	if err := s.loadIdentity(ctx); err != nil {
		return err
	}
	if err := s.AddEvent(ctx, core.Event{Step: StepRestored, Text: "from " + r.backup}); err != nil {
		return err
	}
	if err := s.query(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN final THEN 0 ELSE 1 END), 0) FROM allocations`, nil, func(row *sql.Rows) error {
		return row.Scan(&r.done.Allocations, &r.done.Open)
	}); err != nil {
		return err
	}
	return oneFile(ctx, s.writer)
}

// ofBackup is an error of the engine about the draft, told of the backup.
func (r *restore) ofBackup(err error) error {
	e, ok := failure("restore ledger", r.backup, err).(*core.Error)
	if !ok {
		return err
	}
	c := *e
	c.Op, c.Subject = "restore ledger", r.backup
	if c.Kind == core.Internal {
		c.Hint = "nothing was changed; take another backup"
	}
	return &c
}

// whole looks at everything, however long it takes.
func (s *SQLite) whole(ctx context.Context) error {
	verdict := ""
	err := s.query(ctx, `PRAGMA integrity_check(1)`, nil, func(row *sql.Rows) error { return row.Scan(&verdict) })
	if err != nil || verdict == "ok" {
		return err
	}
	d := damaged("the file is damaged")
	d.Err = errors.New(strings.Join(strings.Fields(verdict), " "))
	return d
}

// replace puts the draft in the ledger's place. There is something to remove
// before only where that could not be read.
func (r *restore) replace() error {
	if err := removeFiles(r.path, suffixes()[1:]...); err != nil {
		return cmp.Or(err, r.forgetKept())
	}
	r.Step("old.bare")
	if err := os.Rename(r.draft, r.path); err != nil {
		return cmp.Or(err, r.forgetKept())
	}
	r.Step("replaced")
	return syncDir(filepath.Dir(r.path))
}
