package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// mayReplace refuses where the ledger that is there is still needed. It reports
// whether that could be read.
func (r *restore) mayReplace(ctx context.Context) (readable bool, err error) {
	if there, err := r.there(); err != nil || !there {
		return false, err
	}
	open, volumes, err := r.open(ctx)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil && !r.Force:
		return false, &core.Error{
			Kind: core.Conflict, Subject: r.path, Err: err, Text: "the ledger that is there cannot be read: whether it holds machines is not known",
			Hint: "--force restores all the same; what is there is kept beside it",
		}
	case len(open)+len(volumes) > 0 && !r.Force:
		var texts []string
		if len(open) > 0 {
			texts = append(texts, "allocations that are not final: "+nameFirst(open))
		}
		if len(volumes) > 0 {
			texts = append(texts, "volumes: "+nameFirst(volumes))
		}
		return true, &core.Error{
			Kind: core.Conflict, Subject: r.path, Text: "the ledger that is there holds " + strings.Join(texts, "; "),
			Hint: "remove them first, or --force: what is there is kept beside it, and machines that the backup does not have are in no ledger then",
		}
	}
	return err == nil, nil
}

// there reports whether there is a ledger, or something of one.
func (r *restore) there() (bool, error) {
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Lstat(r.path + suffix)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return false, err
		case !info.Mode().IsRegular():
			return false, &core.Error{Kind: core.Invalid, Subject: r.path, Text: "want a file, this is " + info.Mode().Type().String()}
		}
		return true, nil
	}
	return false, nil
}

// nameFirst names the first of many.
func nameFirst(open []string) string {
	const most = 5
	if n := len(open); n > most {
		open = append(open[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(open, ", ")
}

// open are the allocations of the ledger that is there that are not final, and
// the volumes that it holds.
func (r *restore) open(ctx context.Context) (allocations, volumes []string, err error) {
	s := &SQLite{path: r.path, log: r.Log, clock: r.Clock}
	if s.reader, err = openPool(s.path, readOnly, 1); err != nil {
		return nil, nil, err
	}
	defer func() { err = cmp.Or(err, s.reader.Close()) }()
	version, err := s.inspect(ctx)
	if err != nil {
		return nil, nil, err
	}
	list := func(table string, into *[]string) error {
		return s.query(ctx, `SELECT id, name, state FROM `+table+` WHERE NOT final ORDER BY created_at, id`, nil, func(row *sql.Rows) error {
			var id, name, state string
			err := row.Scan(&id, &name, &state)
			*into = append(*into, strings.TrimSpace(name+" "+id)+" ("+state+")")
			return err
		})
	}
	if err = list("allocations", &allocations); err == nil && version >= volumesSince {
		err = list("volumes", &volumes)
	}
	return allocations, volumes, err
}

// volumesSince is the first schema that has volumes.
const volumesSince = 3

// keep copies what is there. One that can be read is made one file first; of
// another the companions are kept too, as they are.
func (r *restore) keep(ctx context.Context, readable bool) error {
	if there, err := r.there(); err != nil || !there {
		return err
	}
	if readable {
		if err := r.settle(ctx); err != nil {
			return err
		}
		r.Step("old.settled")
	}
	stamp := r.path + ".before-" + r.Clock().UTC().Format("20060102T150405Z")
	kept := stamp
	for i := 2; ; i++ {
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
		kept = fmt.Sprintf("%s-%d", stamp, i)
	}
	if err := copyFiles(r.path, kept, r.path+partSuffix); err != nil {
		return cmp.Or(err, removeFiles(kept, suffixes()...))
	}
	r.done.Kept = kept
	return syncDir(filepath.Dir(kept))
}

// forgetKept removes the copy of a ledger that was not replaced.
func (r *restore) forgetKept() error {
	if r.done.Kept == "" {
		return nil
	}
	return removeFiles(r.done.Kept, suffixes()...)
}

// settle brings all of the ledger that is there into its own file. Busy where
// another program than Meson has it open.
func (r *restore) settle(ctx context.Context) (err error) {
	limited, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	db, err := openPool(r.path, readWrite, 1)
	if err == nil {
		err = cmp.Or(oneFile(limited, db), db.Close())
	}
	if err != nil && ctx.Err() == nil && (limited.Err() != nil || busy(err)) {
		return &core.Error{Kind: core.Busy, Subject: r.path, Text: "another program has the ledger open", Hint: "end it"}
	}
	return err
}

// oneFile makes the database one without companions.
func oneFile(ctx context.Context, db *sql.DB) error {
	mode := ""
	err := retry(ctx, func() error { return db.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode) })
	if err == nil && mode != "delete" {
		err = fmt.Errorf("its journal stays in mode %s", mode)
	}
	return err
}
