package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/core"
)

const selectAttempts = `SELECT record, created_at, updated_at FROM attempts WHERE allocation = $1`

// AddAttempt implements [Allocations].
func (s *SQLite) AddAttempt(ctx context.Context, t core.Attempt, event core.Event) error {
	const op = "record attempt"
	subject := attemptSubject(t.Allocation, t.Number)
	switch {
	case t.Owner.Key == "":
		return failure(op, subject, invalid(subject, "owner.key", "a key that was never used"))
	case t.State != core.AttemptIntended && t.State != core.AttemptRefused:
		return failure(op, subject, invalid(subject, "state", string(core.AttemptIntended)+", or "+string(core.AttemptRefused)+" if nothing was ever sent"))
	}
	if t.CreatedAt.IsZero() {
		t.CreatedAt = s.now()
	}
	if t.UpdatedAt.IsZero() {
		t.UpdatedAt = t.CreatedAt
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		was, err := allocationIn(ctx, tx, t.Allocation)
		if err != nil {
			return err
		}
		if was.State.Final() {
			return conflict(subject, "the allocation is %s, which is final", was.State)
		}
		if err := s.insertAttempt(ctx, tx, t); err != nil {
			return err
		}
		a := was.Allocation
		a.Offer = &t.Quote
		if a.State == core.Pending {
			a.State = core.Creating
		}
		if _, err := s.putAllocation(ctx, tx, was, a); err != nil {
			return err
		}
		event.Allocation = t.Allocation
		return s.addEvent(ctx, tx, event)
	}))
}

func (s *SQLite) insertAttempt(ctx context.Context, tx *sql.Tx, t core.Attempt) error {
	subject := attemptSubject(t.Allocation, t.Number)
	var last int
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) FROM attempts WHERE allocation = $1`,
		t.Allocation).Scan(&last); err != nil {
		return err
	}
	if t.Number != last+1 {
		return conflict(subject, "the next attempt is number %d", last+1)
	}
	record, err := encodeAttempt(t)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO attempts (allocation, number, key, provider, quote_id, list_revision,
			state, record, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (key) DO NOTHING`,
		t.Allocation, t.Number, t.Owner.Key, t.Quote.Provider, t.Quote.ID, t.Quote.ListRevision,
		t.State, record, stringOf(t.CreatedAt), stringOf(t.UpdatedAt))
	n, err := affected(done, err)
	if err == nil && n == 0 {
		return conflict(subject, "the key %s was used before", short(t.Owner.Key))
	}
	return err
}

// ChangeAttempt implements [Allocations].
func (s *SQLite) ChangeAttempt(ctx context.Context, allocation string, number int, event core.Event,
	fn func(*core.Attempt, *core.Allocation) error,
) error {
	return s.ChangeHeld(ctx, allocation, number, event, func(h *Held) error { return fn(h.Attempt, h.Allocation) })
}

func (s *SQLite) putAttempt(ctx context.Context, tx *sql.Tx, was, t core.Attempt) error {
	t.Allocation, t.Number, t.Owner, t.Quote, t.CreatedAt = was.Allocation, was.Number, was.Owner, was.Quote, was.CreatedAt
	t.UpdatedAt = s.now()
	if t.State == "" {
		return invalid(attemptSubject(t.Allocation, t.Number), "state", "a state")
	}
	record, err := encodeAttempt(t)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE attempts SET state = $3, record = $4, updated_at = $5 WHERE allocation = $1 AND number = $2`,
		t.Allocation, t.Number, t.State, record, stringOf(t.UpdatedAt))
	return err
}

// Attempts implements [Allocations].
func (s *SQLite) Attempts(ctx context.Context, allocation string) ([]core.Attempt, error) {
	var all []core.Attempt
	err := s.query(ctx, selectAttempts+` ORDER BY number`, []any{allocation}, func(row *sql.Rows) error {
		t, err := scanAttempt(row)
		all = append(all, t)
		return err
	})
	return all, failure("list attempts", "allocation "+short(allocation), err)
}

func attemptIn(ctx context.Context, tx *sql.Tx, allocation string, number int) (t core.Attempt, err error) {
	found := false
	err = each(ctx, tx, selectAttempts+` AND number = $2`, []any{allocation, number}, func(row *sql.Rows) error {
		found = true
		t, err = scanAttempt(row)
		return err
	})
	if err == nil && !found {
		err = notFound(attemptSubject(allocation, number), "")
	}
	return t, err
}

func scanAttempt(row *sql.Rows) (core.Attempt, error) {
	return scanRecord(row, func(t *core.Attempt) (created, updated *time.Time) { return &t.CreatedAt, &t.UpdatedAt })
}

func encodeAttempt(t core.Attempt) (string, error) {
	t.Error = storable(t.Error)
	return encode(t)
}

// storable is an error with its cause kept as text: that has no other form that
// could be read back.
func storable(err *core.Error) *core.Error {
	if err == nil || err.Err == nil {
		return err
	}
	e := *err
	cause := e.Err.Error()
	if e.Text == "" {
		e.Text = cause
	} else {
		e.Text += ": " + cause
	}
	return &e
}

func attemptSubject(allocation string, number int) string {
	return fmt.Sprintf("attempt %d of allocation %s", number, short(allocation))
}
