package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
)

const selectVolumes = `SELECT record, created_at, updated_at FROM volumes`

// AddVolumes implements [Volumes].
func (s *SQLite) AddVolumes(ctx context.Context, all []core.VolumeRecord, event core.Event) error {
	const op = "record volume"
	for _, v := range all {
		subject := volumeSubject(v.ID)
		first := core.VolumeIntended
		if v.Foreign {
			first = core.VolumeUndoing
		}
		switch {
		case !ValidID(v.ID):
			return failure(op, subject, invalid(subject, "id", "ten characters of a-z and 0-9"))
		case v.Provider == "":
			return failure(op, subject, invalid(subject, "provider", "who makes it"))
		case v.Owner.Key == "":
			return failure(op, subject, invalid(subject, "owner.key", "a key that was never used"))
		case v.Foreign && v.VolumeID == "":
			return failure(op, subject, invalid(subject, "vid", "the provider's id of the volume"))
		case v.State != first:
			return failure(op, subject, invalid(subject, "state", string(first)))
		}
		event.Allocation = v.Allocation
	}
	return failure(op, "", s.write(ctx, func(tx *sql.Tx) error {
		for _, v := range all {
			if err := s.insertVolume(ctx, tx, v); err != nil {
				return err
			}
		}
		return s.addEvent(ctx, tx, event)
	}))
}

func (s *SQLite) insertVolume(ctx context.Context, tx *sql.Tx, v core.VolumeRecord) error {
	if v.CreatedAt.IsZero() {
		v.CreatedAt = s.now()
	}
	if v.UpdatedAt.IsZero() {
		v.UpdatedAt = v.CreatedAt
	}
	if err := mayHold(ctx, tx, v.Allocation, volumeSubject(v.ID)); err != nil {
		return err
	}
	if v.Foreign {
		if err := heldByNobody(ctx, tx, v); err != nil {
			return err
		}
	}
	record, err := encodeVolume(v)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO volumes (id, name, provider, volume_id, key, allocation, state, final, keep,
			list_revision, record, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
		v.ID, v.Name, v.Provider, v.VolumeID, v.Owner.Key, maybe(v.Allocation), v.State, v.State.Final(), v.Keep,
		v.Quote.Offer.ListRevision, record, stringOf(v.CreatedAt), stringOf(v.UpdatedAt))
	n, err := affected(done, err)
	if err == nil && n == 0 {
		return conflict(volumeSubject(v.ID), "the id or the key %s was used before", short(v.Owner.Key))
	}
	return err
}

// mayHold refuses to hold anything more for an allocation that ended.
func mayHold(ctx context.Context, tx *sql.Tx, allocation, subject string) error {
	if allocation == "" {
		return nil
	}
	a, err := allocationIn(ctx, tx, allocation)
	if err == nil && a.State.Final() {
		err = conflict(subject, "allocation %s is %s, which is final", allocation, a.State)
	}
	return err
}

// Volume implements [Volumes].
func (s *SQLite) Volume(ctx context.Context, id string) (v core.VolumeRecord, err error) {
	err = retry(ctx, func() error {
		if s.isClosed() {
			return errClosed
		}
		v, err = volumeIn(ctx, s.reader, id)
		return err
	})
	return v, failure("read volume", volumeSubject(id), err)
}

// Volumes implements [Volumes].
func (s *SQLite) Volumes(ctx context.Context, f VolumeFilter) ([]core.VolumeRecord, error) {
	w := where{all: f.Final}
	w.equal("provider", f.Provider)
	w.equal("volume_id", f.VolumeID)
	w.equal("allocation", f.Allocation)
	if f.Open {
		w.parts = append(w.parts, "state <> '"+string(core.VolumeMade)+"'")
	}
	all, err := s.volumes(ctx, w)
	return all, failure("list volumes", "", err)
}

func (s *SQLite) volumes(ctx context.Context, w where) (all []core.VolumeRecord, err error) {
	err = s.query(ctx, selectVolumes+w.String(), w.args, func(row *sql.Rows) error {
		v, err := scanVolume(row)
		all = append(all, v)
		return err
	})
	return all, err
}

// ChangeVolume implements [Volumes].
func (s *SQLite) ChangeVolume(ctx context.Context, id string, event core.Event, fn func(*core.VolumeRecord) error) (core.VolumeRecord, error) {
	var v core.VolumeRecord
	err := s.write(ctx, func(tx *sql.Tx) (err error) {
		was, err := volumeIn(ctx, tx, id)
		if err != nil {
			return err
		}
		v = was
		if err := fn(&v); err != nil {
			return callersOwn{err}
		}
		if v, err = s.putVolume(ctx, tx, was, v); err != nil {
			return err
		}
		event.Allocation = v.Allocation
		return s.addEvent(ctx, tx, event)
	})
	if err != nil {
		return core.VolumeRecord{}, changeFailure("change volume", volumeSubject(id), err)
	}
	return v, nil
}

// putVolume writes an edited record under the rules of ChangeVolume.
func (s *SQLite) putVolume(ctx context.Context, tx *sql.Tx, was, v core.VolumeRecord) (core.VolumeRecord, error) {
	v.ID, v.Provider, v.Owner, v.Quote, v.CreatedAt = was.ID, was.Provider, was.Owner, was.Quote, was.CreatedAt
	v.Allocation, v.Index, v.Foreign = was.Allocation, was.Index, was.Foreign
	v.UpdatedAt = s.now()
	subject := volumeSubject(v.ID)
	switch {
	case v.State == "":
		return v, invalid(subject, "state", "a state")
	case was.State.Final() && v.State != was.State:
		return v, conflict(subject, "it is %s, which is final, and cannot become %s", was.State, v.State)
	case v.State != was.State && (v.State == core.VolumeUndoing || v.State.Final()):
		if err := heldByNobody(ctx, tx, v); err != nil {
			return v, err
		}
	}
	record, err := encodeVolume(v)
	if err != nil {
		return v, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE volumes SET name = $2, volume_id = $3, state = $4, final = $5, keep = $6, record = $7, updated_at = $8
		WHERE id = $1`, v.ID, v.Name, v.VolumeID, v.State, v.State.Final(), v.Keep, record, stringOf(v.UpdatedAt))
	return v, err
}

// heldByNobody refuses while an attachment of the volume has not ended.
func heldByNobody(ctx context.Context, tx *sql.Tx, v core.VolumeRecord) error {
	var holders []string
	err := each(ctx, tx, `SELECT t.id, t.state, COALESCE(t.allocation, ''), COALESCE(a.name, '') FROM attachments t
			LEFT JOIN allocations a ON a.id = t.allocation WHERE NOT t.final AND (t.volume = $1 OR t.volume_id <> '' AND t.volume_id = $2 AND t.provider = $3)
			ORDER BY t.created_at, t.id LIMIT 10`,
		[]any{v.ID, v.VolumeID, v.Provider}, func(row *sql.Rows) error {
			var id, state, allocation, name string
			err := row.Scan(&id, &state, &allocation, &name)
			text := "attachment " + id
			if allocation != "" {
				text += " of machine " + strings.TrimSpace(name+" "+allocation)
			}
			holders = append(holders, text+", which is "+state)
			return err
		})
	if err != nil || len(holders) == 0 {
		return err
	}
	return &core.Error{
		Kind: core.Busy, Subject: volumeSubject(v.ID), Text: fmt.Sprintf("volume %s is in use: %s", short(v.Name), strings.Join(holders, "; ")),
		Hint: "detach it first, or remove the machine",
	}
}

func volumeIn(ctx context.Context, q querier, id string) (v core.VolumeRecord, err error) {
	found := false
	err = each(ctx, q, selectVolumes+` WHERE id = $1`, []any{id}, func(row *sql.Rows) error {
		found = true
		v, err = scanVolume(row)
		return err
	})
	if err == nil && !found {
		err = notFound(volumeSubject(id), "")
	}
	return v, err
}

func scanVolume(row *sql.Rows) (core.VolumeRecord, error) {
	return scanRecord(row, func(v *core.VolumeRecord) (created, updated *time.Time) { return &v.CreatedAt, &v.UpdatedAt })
}

func encodeVolume(v core.VolumeRecord) (string, error) {
	v.Error = storable(v.Error)
	return encode(v)
}

func volumeSubject(id string) string { return "volume " + short(id) }
