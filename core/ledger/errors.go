package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/mesoncloud/meson/core"
	sqlite3 "modernc.org/sqlite/lib"
)

// failure puts what was done, and to what, before an error of the engine or of
// the file system. An error that says it already is passed on, as is the
// context's own.
func failure(op, subject string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*core.Error](err); ok {
		if e.Op != "" {
			return err
		}
		c := *e
		c.Op = op
		if c.Subject == "" {
			c.Subject = subject
		}
		return &c
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &core.Error{Kind: core.Internal, Op: op, Subject: subject, Err: err}
	switch result(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		d := damaged("the file is damaged")
		e.Text, e.Hint = d.Text, d.Hint
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOLFS:
		e.Kind, e.Hint = core.Unavailable, "see that the disk has space and the file may be written"
	default:
		if errors.Is(err, sql.ErrConnDone) || errors.Is(err, errClosed) {
			e.Kind = core.Unavailable
		}
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) {
			e.Kind, e.Hint = core.Unavailable, "see that the disk has space and the directory may be written"
		}
	}
	return e
}

var errClosed = errors.New("the ledger is closed")

func damaged(text string) *core.Error {
	return &core.Error{
		Kind: core.Internal, Text: text,
		Hint: "nothing was changed; `meson restore FILE --force` puts a backup in its place, and keeps this one beside it",
	}
}

func newer(version int) *core.Error {
	return &core.Error{
		Kind: core.Unsupported,
		Text: fmt.Sprintf("the ledger has schema %d, this meson knows up to %d", version, schemaVersion()),
		Hint: "use the newer meson that wrote it; nothing was changed",
	}
}

func notFound(subject, hint string) *core.Error {
	return &core.Error{Kind: core.NotFound, Subject: subject, Text: "there is no such " + word(subject), Hint: hint}
}

func conflict(subject, format string, args ...any) *core.Error {
	e := core.Errorf(core.Conflict, format, args...)
	e.Subject = subject
	return e
}

func invalid(subject, field, want string) *core.Error {
	return &core.Error{
		Kind: core.Invalid, Subject: subject, Text: field + ": want " + want,
		Faults: []core.Fault{{Path: field, Want: want, Text: "want " + want}},
	}
}

// word is the first word of a subject such as "provider rack1".
func word(subject string) string {
	for i := range subject {
		if subject[i] == ' ' {
			return subject[:i]
		}
	}
	return subject
}
