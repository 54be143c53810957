package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
)

// allocationRow is an allocation as it stands in the store.
type allocationRow struct {
	core.Allocation
	placement  string
	hasSecrets bool
}

const selectAllocations = `SELECT id, pledge_hash, has_secrets, pledge, placement, record, created_at, updated_at FROM allocations`

// Allocation implements [Allocations].
func (s *SQLite) Allocation(ctx context.Context, idOrName string) (core.Allocation, error) {
	const op = "read allocation"
	subject := "allocation " + short(idOrName)
	id, err := s.resolve(ctx, idOrName)
	if err != nil {
		return core.Allocation{}, failure(op, subject, err)
	}
	row, err := s.allocation(ctx, id)
	return row.Allocation, failure(op, subject, err)
}

// resolve finds the id of what somebody typed.
func (s *SQLite) resolve(ctx context.Context, typed string) (string, error) {
	if typed == "" {
		return "", invalid("allocation", "id", "an id or a name")
	}
	var ids []string
	collect := func(row *sql.Rows) error {
		var id string
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	}
	// One row, the best match first: the id, the name in use, the latest name.
	err := s.query(ctx, `SELECT id FROM allocations WHERE id = $1 OR name = $1
		ORDER BY CASE WHEN id = $1 THEN 0 WHEN NOT final THEN 1 ELSE 2 END, created_at DESC, id DESC LIMIT 1`,
		[]any{typed}, collect)
	if err != nil || len(ids) == 1 {
		return strings.Join(ids, ""), err
	}
	if from, to, ok := prefix(typed); ok {
		err := s.query(ctx, `SELECT id FROM allocations WHERE id BETWEEN $1 AND $2 ORDER BY created_at DESC, id LIMIT 5`,
			[]any{from, to}, collect)
		if err != nil {
			return "", err
		}
	}
	switch len(ids) {
	case 0:
		return "", notFound("allocation "+short(typed), "give an id, the first four or more of its characters, or a name")
	case 1:
		return ids[0], nil
	}
	return "", ambiguous("allocation "+typed, ids)
}

func ambiguous(subject string, ids []string) error {
	return &core.Error{
		Kind: core.Invalid, Subject: subject, Text: "several ids begin so: " + strings.Join(ids, ", "),
		Hint: "give more of its characters",
	}
}

func (s *SQLite) allocation(ctx context.Context, id string) (row allocationRow, err error) {
	if s.isClosed() {
		return row, errClosed
	}
	err = retry(ctx, func() error {
		row, err = allocationIn(ctx, s.reader, id)
		return err
	})
	return row, err
}

func allocationIn(ctx context.Context, q querier, id string) (a allocationRow, err error) {
	found := false
	err = each(ctx, q, selectAllocations+` WHERE id = $1`, []any{id}, func(row *sql.Rows) error {
		found = true
		if a, err = scanAllocation(row); err != nil {
			return err
		}
		return decode(a.placement, &a.Placement)
	})
	if err == nil && !found {
		err = notFound("allocation "+short(id), "")
	}
	return a, err
}

// Allocations implements [Allocations].
func (s *SQLite) Allocations(ctx context.Context, f Filter) ([]core.Allocation, error) {
	where, args := []string{"TRUE"}, []any{}
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if len(f.States) > 0 {
		var states []string
		for _, state := range f.States {
			states = append(states, arg(state))
		}
		where = append(where, "state IN ("+strings.Join(states, ", ")+")")
	} else if !f.Final {
		where = append(where, "NOT final")
	}
	if f.Provider != "" {
		where = append(where, "provider = "+arg(f.Provider))
	}
	var all []core.Allocation
	text := strings.Replace(selectAllocations, " placement,", " '',", 1) +
		" WHERE " + strings.Join(where, " AND ") + " ORDER BY created_at DESC, id DESC"
	err := s.query(ctx, text, args, func(row *sql.Rows) error {
		a, err := scanAllocation(row)
		all = append(all, a.Allocation)
		return err
	})
	return all, failure("list allocations", "", err)
}

// scanRecord reads a record whose times stand in columns of their own.
func scanRecord[T any](row *sql.Rows, times func(*T) (created, updated *time.Time)) (out T, err error) {
	var record, created, updated string
	if err := row.Scan(&record, &created, &updated); err != nil {
		return out, err
	}
	if err := decode(record, &out); err != nil {
		return out, err
	}
	c, u := times(&out)
	if *c, err = timeOf(created); err != nil {
		return out, err
	}
	*u, err = timeOf(updated)
	return out, err
}

func scanAllocation(row *sql.Rows) (a allocationRow, err error) {
	var id, hash, pledge, record, created, updated string
	if err := row.Scan(&id, &hash, &a.hasSecrets, &pledge, &a.placement, &record, &created, &updated); err != nil {
		return a, err
	}
	var r allocationRecord
	if err := decode(record, &r); err != nil {
		return a, err
	}
	a.Allocation = core.Allocation(r.plainAllocation)
	a.ID, a.PledgeHash = id, hash
	if a.Pledge, err = decodePledge(pledge); err != nil {
		return a, err
	}
	if a.CreatedAt, err = timeOf(created); err != nil {
		return a, err
	}
	a.UpdatedAt, err = timeOf(updated)
	return a, err
}
