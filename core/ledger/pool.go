package ledger

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/mesoncloud/meson/core"
	sqlite "modernc.org/sqlite" // also the driver
	sqlite3 "modernc.org/sqlite/lib"
)

type access string

const (
	readOnly  access = "ro"
	readWrite access = "rw" // never makes the file
)

const (
	// patience is for how many milliseconds a statement waits inside the engine
	// for another process. It is short because that wait hears no context and
	// grows unfair with time; the wait around it does neither.
	patience = "2"
	// longest is how long a call waits for other processes in all.
	longest = 30 * time.Second
)

func openPool(path string, mode access, conns int) (*sql.DB, error) {
	q := url.Values{
		"mode":    {string(mode)},
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(" + patience + ")", "foreign_keys(1)", "synchronous(FULL)",
			"trusted_schema(0)", "cell_size_check(1)",
		},
	}
	if mode == readWrite {
		q.Add("_pragma", "journal_mode(WAL)")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// write runs fn in a transaction of the one writer and commits it. fn runs
// again where another process came between.
func (s *SQLite) write(ctx context.Context, fn func(*sql.Tx) error) error {
	if s.isClosed() {
		return errClosed
	}
	return retry(ctx, func() error {
		tx, err := s.writer.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		// After a commit this does nothing.
		defer func() { _ = tx.Rollback() }()
		var version int
		if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
			return err
		}
		if version > schemaVersion() {
			return newer(version)
		}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// query calls fn once for each row of a read.
func (s *SQLite) query(ctx context.Context, text string, args []any, fn func(*sql.Rows) error) error {
	if s.isClosed() {
		return errClosed
	}
	begun := false
	var broken error
	err := retry(ctx, func() error {
		err := each(ctx, s.reader, text, args, func(row *sql.Rows) error {
			begun = true
			return fn(row)
		})
		if begun && err != nil {
			broken = err
			return nil
		}
		return err
	})
	return errors.Join(err, broken)
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func each(ctx context.Context, q querier, text string, args []any, fn func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func retry(ctx context.Context, fn func() error) error {
	deadline := time.Now().Add(longest)
	for {
		err := fn()
		if err == nil || !busy(err) {
			return err
		}
		if time.Now().After(deadline) {
			return &core.Error{
				Kind: core.Busy, Text: "another process has been writing for " + longest.String(),
				Hint: "see which meson still runs, and try again", Err: err,
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(rand.Int64N(int64(4 * time.Millisecond)))):
		}
	}
}

// result is the engine's primary result code, 0 for an error of another kind.
func result(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func busy(err error) bool {
	code := result(err)
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}
