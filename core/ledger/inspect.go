package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

const (
	// checkEvery is how long a file that nobody else touched goes unchecked.
	checkEvery = 24 * time.Hour
	// checkBudget bounds a check at start; a ledger too big for it is checked
	// as far as it goes.
	checkBudget = 2 * time.Second
)

// inspect looks, without writing to it, whether the file is a whole ledger of a
// schema that this program knows, and gives its version.
func (s *SQLite) inspect(ctx context.Context) (version int, err error) {
	if err := sniff(s.path); err != nil {
		return 0, err
	}
	var application int
	if err := s.readInt(ctx, `PRAGMA application_id`, &application); err != nil {
		return 0, err
	}
	if application != applicationID {
		return 0, damaged("this is a database, but not a ledger of Meson")
	}
	if err := s.readInt(ctx, `PRAGMA user_version`, &version); err != nil {
		return 0, err
	}
	if version > schemaVersion() {
		return version, newer(version)
	}
	return version, s.check(ctx)
}

func (s *SQLite) readInt(ctx context.Context, text string, to *int) error {
	return s.query(ctx, text, nil, func(row *sql.Rows) error { return row.Scan(to) })
}

// sniff refuses at once what cannot be a database.
func sniff(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // read only
	header := make([]byte, 100)
	switch _, err := io.ReadFull(file, header); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return damaged("the file is cut short")
	case err != nil:
		return err
	}
	if !strings.HasPrefix(string(header), "SQLite format 3\x00") {
		return damaged("the file is not a ledger")
	}
	return nil
}

// check looks at every page, unless the file is as Meson left it.
func (s *SQLite) check(ctx context.Context) error {
	if s.stamped() {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, checkBudget)
	defer cancel()
	verdict := ""
	err := s.query(limited, `PRAGMA quick_check(1)`, nil, func(row *sql.Rows) error { return row.Scan(&verdict) })
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		s.log.Warn("the ledger is too big to be checked whole at start", "path", s.path, "checked_for", checkBudget)
		return nil
	case err != nil:
		return err
	case verdict != "ok":
		d := damaged("the file is damaged")
		d.Err = errors.New(strings.Join(strings.Fields(verdict), " "))
		return d
	}
	s.stamp(s.now())
	return nil
}

// stampFile says what the file looked like when it was last known to be whole.
type stampFile struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Checked  time.Time `json:"checked"`
}

func (s *SQLite) stampPath() string { return s.path + ".checked" }

func (s *SQLite) stamped() bool {
	was, ok := s.readStamp()
	info, err := os.Stat(s.path)
	age := s.now().Sub(was.Checked)
	return ok && err == nil && was.Size == info.Size() && was.Modified.Equal(info.ModTime()) &&
		age >= 0 && age < checkEvery
}

func (s *SQLite) readStamp() (was stampFile, ok bool) {
	data, err := os.ReadFile(s.stampPath())
	return was, err == nil && json.Unmarshal(data, &was) == nil
}

// stamp records what the file looks like now; a zero time keeps that of the
// last check. Failing to only costs a check at the next start.
func (s *SQLite) stamp(checked time.Time) {
	was, ok := s.readStamp()
	if checked.IsZero() {
		if !ok {
			return
		}
		checked = was.Checked
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return
	}
	now := stampFile{Size: info.Size(), Modified: info.ModTime(), Checked: checked}
	if ok && now == was {
		return
	}
	data, err := json.Marshal(now)
	if err == nil {
		err = replaceFile(s.stampPath(), data, false)
	}
	if err != nil {
		s.log.Debug("the ledger's stamp was not written", "error", err)
	}
}
