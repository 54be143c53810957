package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// AddEvent implements [Allocations].
func (s *SQLite) AddEvent(ctx context.Context, e core.Event) error {
	const op = "record event"
	subject := "allocation " + short(e.Allocation)
	if e.Step == "" {
		return failure(op, subject, invalid(subject, "step", "the name of what happened"))
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		if e.Allocation != "" {
			if _, err := allocationIn(ctx, tx, e.Allocation); err != nil {
				return err
			}
		}
		return s.addEvent(ctx, tx, e)
	}))
}

// addEvent gives the event its number: the writer is alone, so numbers rise in
// the order of commits.
func (s *SQLite) addEvent(ctx context.Context, tx *sql.Tx, e core.Event) error {
	if e == (core.Event{Allocation: e.Allocation}) {
		return nil
	}
	if e.Step == "" {
		return invalid("event", "step", "the name of what happened")
	}
	if e.Time.IsZero() {
		e.Time = s.now()
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO events (seq, allocation, at, step, attempt, text)
		SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4, $5 FROM events`,
		sql.NullString{String: e.Allocation, Valid: e.Allocation != ""}, stringOf(e.Time), e.Step, e.Attempt, printable(e.Text))
	return err
}

// printable replaces what not every engine can store: texts come from plugins.
func printable(s string) string {
	const replacement = "\uFFFD"
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", replacement), replacement)
}

// Events implements [Allocations].
func (s *SQLite) Events(ctx context.Context, q Query) ([]core.Event, error) {
	text := `SELECT seq, COALESCE(allocation, ''), at, step, attempt, text FROM events WHERE seq > $1`
	args := []any{q.After}
	if q.Allocation != "" {
		args = append(args, q.Allocation)
		text += ` AND allocation = $2`
	}
	text += ` ORDER BY seq`
	if q.Limit > 0 {
		text += fmt.Sprintf(` LIMIT %d`, q.Limit)
	}
	var all []core.Event
	err := s.query(ctx, text, args, func(row *sql.Rows) error {
		var e core.Event
		var at string
		err := row.Scan(&e.Seq, &e.Allocation, &at, &e.Step, &e.Attempt, &e.Text)
		if err == nil {
			e.Time, err = timeOf(at)
		}
		all = append(all, e)
		return err
	})
	return all, failure("list events", "allocation "+short(q.Allocation), err)
}
