package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// ChangeHeld implements [Volumes].
func (s *SQLite) ChangeHeld(ctx context.Context, allocation string, number int, event core.Event, fn func(*Held) error) error {
	var a core.Allocation
	err := s.write(ctx, func(tx *sql.Tx) error {
		row, err := allocationIn(ctx, tx, allocation)
		if err != nil {
			return err
		}
		was, err := attemptIn(ctx, tx, allocation, number)
		if err != nil {
			return err
		}
		volumes, attachments, err := heldIn(ctx, tx, allocation)
		if err != nil {
			return err
		}
		a = row.Allocation
		t := was
		h := Held{Allocation: &a, Attempt: &t, Volumes: slices.Clone(volumes), Attachments: slices.Clone(attachments)}
		if err := fn(&h); err != nil {
			return callersOwn{err}
		}
		// What is held first: whether the allocation may end depends on it.
		if err := s.putHeld(ctx, tx, h, volumes, attachments); err != nil {
			return err
		}
		if err := s.putAttempt(ctx, tx, was, t); err != nil {
			return err
		}
		if a, err = s.putAllocation(ctx, tx, row, a); err != nil {
			return err
		}
		event.Allocation = allocation
		return s.addEvent(ctx, tx, event)
	})
	if err != nil {
		return changeFailure("change attempt", attemptSubject(allocation, number), err)
	}
	s.dropSpent(a)
	return nil
}

// putHeld writes those of the volumes and attachments that were edited.
func (s *SQLite) putHeld(ctx context.Context, tx *sql.Tx, h Held, volumes []core.VolumeRecord, attachments []core.AttachmentRecord) error {
	if len(h.Volumes) != len(volumes) || len(h.Attachments) != len(attachments) {
		return core.Errorf(core.Internal, "volumes and attachments are added and removed by their own calls")
	}
	for i, was := range attachments {
		t := h.Attachments[i]
		if t.State == was.State && t.Epoch == was.Epoch && t.Force == was.Force && t.Error == was.Error {
			continue
		}
		if _, err := s.putAttachment(ctx, tx, was, t); err != nil {
			return err
		}
	}
	for i, was := range volumes {
		v := h.Volumes[i]
		if v.State == was.State && v.Keep == was.Keep && v.VolumeID == was.VolumeID && v.Error == was.Error {
			continue
		}
		if _, err := s.putVolume(ctx, tx, was, v); err != nil {
			return err
		}
	}
	return nil
}

func heldIn(ctx context.Context, q querier, allocation string) (volumes []core.VolumeRecord, attachments []core.AttachmentRecord, err error) {
	w := where{all: true}
	w.equal("allocation", allocation)
	err = each(ctx, q, selectVolumes+w.String(), w.args, func(row *sql.Rows) error {
		v, err := scanVolume(row)
		volumes = append(volumes, v)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	err = each(ctx, q, selectAttachments+w.String(), w.args, func(row *sql.Rows) error {
		t, err := scanAttachment(row)
		attachments = append(attachments, t)
		return err
	})
	return volumes, attachments, err
}

// stillHeld names what of an allocation's volumes and attachments may be
// somewhere.
func stillHeld(ctx context.Context, tx *sql.Tx, allocation string) (open []string, err error) {
	collect := func(what string) func(row *sql.Rows) error {
		return func(row *sql.Rows) error {
			var id, state string
			err := row.Scan(&id, &state)
			open = append(open, fmt.Sprintf("%s %s is %s", what, id, state))
			return err
		}
	}
	err = each(ctx, tx, `SELECT id, state FROM attachments WHERE allocation = $1 AND NOT final ORDER BY id`, []any{allocation}, collect("attachment"))
	if err == nil {
		err = each(ctx, tx, `SELECT id, state FROM volumes WHERE allocation = $1 AND NOT final AND NOT keep ORDER BY id`, []any{allocation}, collect("volume"))
	}
	return open, err
}

// where is the end of a SELECT: rows that are not final, unless all, which have
// the values, oldest first.
type where struct {
	all   bool
	parts []string
	args  []any
}

// equal restricts a column, if there is a value.
func (w *where) equal(column, value string) {
	if value != "" {
		w.args = append(w.args, value)
		w.parts = append(w.parts, fmt.Sprintf("%s = $%d", column, len(w.args)))
	}
}

func (w where) String() string {
	parts := w.parts
	if !w.all {
		parts = append(parts, "NOT final")
	}
	text := ""
	if len(parts) > 0 {
		text = " WHERE " + strings.Join(parts, " AND ")
	}
	return text + " ORDER BY created_at, id"
}

// maybe is NULL for what is empty.
func maybe(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
