package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// Begin implements [Allocations].
func (s *SQLite) Begin(ctx context.Context, a core.Allocation) error {
	const op = "record allocation"
	subject := "allocation " + short(a.ID)
	if err := checkID(a.ID); err != nil {
		return failure(op, subject, err)
	}
	if a.State != "" && a.State != core.Pending {
		return failure(op, subject, invalid(subject, "state", string(core.Pending)))
	}
	a.State = core.Pending
	if a.CreatedAt.IsZero() {
		a.CreatedAt = s.now()
	}
	if a.UpdatedAt.IsZero() {
		a.UpdatedAt = a.CreatedAt
	}
	kept := false
	err := s.write(ctx, func(tx *sql.Tx) error {
		if err := s.insertAllocation(ctx, tx, a); err != nil {
			return err
		}
		text := a.Name
		if text == "" {
			text = "without a name"
		}
		if err := s.addEvent(ctx, tx, core.Event{Allocation: a.ID, Step: StepBegun, Text: text}); err != nil {
			return err
		}
		// Last, since only now the id is known to be this allocation's own.
		if secrets := SecretsOf(a.Pledge); !secrets.IsZero() {
			kept = true
			return s.writeSecrets(a.ID, secrets)
		}
		return nil
	})
	if err != nil && kept {
		s.removeSecrets(a.ID)
	}
	return failure(op, subject, err)
}

func (s *SQLite) insertAllocation(ctx context.Context, tx *sql.Tx, a core.Allocation) error {
	if err := nameIsFree(ctx, tx, a); err != nil {
		return err
	}
	hasSecrets := !SecretsOf(a.Pledge).IsZero() || s.hasSecretsFile(a.ID)
	pledge, err := encodePledge(a.Pledge)
	if err != nil {
		return err
	}
	placement, err := encode(a.Placement)
	if err != nil {
		return err
	}
	record, err := encodeAllocation(a)
	if err != nil {
		return err
	}
	provider, quote := inUse(a)
	done, err := tx.ExecContext(ctx, `INSERT INTO allocations (id, name, state, final, provider, quote_id, pledge_hash,
			has_secrets, pledge, placement, record, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO NOTHING`,
		a.ID, a.Name, a.State, a.State.Final(), provider, quote, a.PledgeHash,
		hasSecrets, pledge, placement, record, stringOf(a.CreatedAt), stringOf(a.UpdatedAt))
	n, err := affected(done, err)
	if err == nil && n == 0 {
		return conflict("allocation "+a.ID, "there is an allocation of this id")
	}
	return err
}

// inUse is the provider and the quote that an allocation stands on now.
func inUse(a core.Allocation) (provider, quote string) {
	switch {
	case a.Offer != nil:
		return a.Offer.Provider, a.Offer.ID
	case len(a.Placement.Quotes) > 0:
		return a.Placement.Quotes[0].Provider, a.Placement.Quotes[0].ID
	}
	return "", ""
}

// nameIsFree refuses a name that another allocation has which is not final.
func nameIsFree(ctx context.Context, tx *sql.Tx, a core.Allocation) error {
	if a.Name == "" || a.State.Final() {
		return nil
	}
	return each(ctx, tx, `SELECT id, state FROM allocations WHERE name = $1 AND NOT final AND id <> $2`,
		[]any{a.Name, a.ID}, func(row *sql.Rows) error {
			var id, state string
			if err := row.Scan(&id, &state); err != nil {
				return err
			}
			e := conflict("allocation "+id, "the name %q is taken by this one, which is %s", short(a.Name), state)
			e.Hint = "choose another name, or remove that one first"
			return e
		})
}

// Change implements [Allocations].
func (s *SQLite) Change(ctx context.Context, id string, event core.Event, fn func(*core.Allocation) error) (core.Allocation, error) {
	var a core.Allocation
	err := s.write(ctx, func(tx *sql.Tx) (err error) {
		was, err := allocationIn(ctx, tx, id)
		if err != nil {
			return err
		}
		a = was.Allocation
		if err := fn(&a); err != nil {
			return callersOwn{err}
		}
		if a, err = s.putAllocation(ctx, tx, was, a); err != nil {
			return err
		}
		event.Allocation = id
		return s.addEvent(ctx, tx, event)
	})
	if err != nil {
		return core.Allocation{}, changeFailure("change allocation", "allocation "+short(id), err)
	}
	s.dropSpent(a)
	return a, nil
}

// putAllocation writes an edited row under the rules of Change.
func (s *SQLite) putAllocation(ctx context.Context, tx *sql.Tx, was allocationRow, a core.Allocation) (core.Allocation, error) {
	a.ID, a.CreatedAt, a.Pledge, a.PledgeHash = was.ID, was.CreatedAt, was.Pledge, was.PledgeHash
	a.UpdatedAt = s.now()
	subject := "allocation " + a.ID
	if was.State.Final() && a.State != was.State {
		return a, conflict(subject, "it is %s, which is final, and cannot become %s", was.State, a.State)
	}
	if a.State == "" {
		return a, invalid(subject, "state", "a state")
	}
	if a.State.Final() && !was.State.Final() {
		if err := holdsNothing(ctx, tx, a); err != nil {
			return a, err
		}
	}
	if a.Name != was.Name {
		if err := nameIsFree(ctx, tx, a); err != nil {
			return a, err
		}
	}
	placement, err := encode(a.Placement)
	if err != nil {
		return a, err
	}
	record, err := encodeAllocation(a)
	if err != nil {
		return a, err
	}
	provider, quote := inUse(a)
	_, err = tx.ExecContext(ctx, `UPDATE allocations SET name = $2, state = $3, final = $4, provider = $5, quote_id = $6,
			record = $7, updated_at = $8 WHERE id = $1`,
		a.ID, a.Name, a.State, a.State.Final(), provider, quote, record, stringOf(a.UpdatedAt))
	if err == nil && placement != was.placement {
		_, err = tx.ExecContext(ctx, `UPDATE allocations SET placement = $2 WHERE id = $1`, a.ID, placement)
	}
	return a, err
}

// holdsNothing refuses to call final what may still be somewhere.
func holdsNothing(ctx context.Context, tx *sql.Tx, a core.Allocation) error {
	var open []string
	err := each(ctx, tx, `SELECT number, state FROM attempts WHERE allocation = $1 AND state NOT IN ($2, $3) ORDER BY number`,
		[]any{a.ID, core.AttemptRefused, core.AttemptRemoved}, func(row *sql.Rows) error {
			var number int
			var state string
			err := row.Scan(&number, &state)
			open = append(open, fmt.Sprintf("attempt %d is %s", number, state))
			return err
		})
	if err != nil {
		return err
	}
	held, err := stillHeld(ctx, tx, a.ID)
	if open = append(open, held...); err != nil || len(open) == 0 {
		return err
	}
	return &core.Error{
		Kind: core.Internal, Subject: "allocation " + a.ID,
		Text: fmt.Sprintf("it cannot become %s: %s", a.State, strings.Join(open, ", ")),
	}
}

// callersOwn carries an error of a function that the caller gave through
// untouched.
type callersOwn struct{ error }

func (c callersOwn) Unwrap() error { return c.error }

func changeFailure(op, subject string, err error) error {
	if c, ok := err.(callersOwn); ok {
		return c.error
	}
	return failure(op, subject, err)
}
