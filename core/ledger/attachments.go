package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/core"
)

const selectAttachments = `SELECT record, created_at, updated_at FROM attachments`

// AddAttachments implements [Volumes].
func (s *SQLite) AddAttachments(ctx context.Context, all []core.AttachmentRecord, event core.Event) error {
	const op = "record attachment"
	for _, t := range all {
		subject := attachmentSubject(t.ID)
		switch {
		case len(t.ID) > 20 || !plain(t.ID, true):
			return failure(op, subject, invalid(subject, "id", "1 to 20 of a-z, 0-9 and -"))
		case t.Provider == "" || t.VolumeID == "":
			return failure(op, subject, invalid(subject, "vid", "a provider and its id of the volume"))
		case t.State != core.AttachmentIntended:
			return failure(op, subject, invalid(subject, "state", string(core.AttachmentIntended)))
		}
		event.Allocation = t.Allocation
	}
	return failure(op, "", s.write(ctx, func(tx *sql.Tx) error {
		for _, t := range all {
			if err := s.insertAttachment(ctx, tx, t); err != nil {
				return err
			}
		}
		return s.addEvent(ctx, tx, event)
	}))
}

func (s *SQLite) insertAttachment(ctx context.Context, tx *sql.Tx, t core.AttachmentRecord) error {
	if t.CreatedAt.IsZero() {
		t.CreatedAt = s.now()
	}
	if t.UpdatedAt.IsZero() {
		t.UpdatedAt = t.CreatedAt
	}
	subject := attachmentSubject(t.ID)
	if err := mayHold(ctx, tx, t.Allocation, subject); err != nil {
		return err
	}
	if t.Volume != "" {
		v, err := volumeIn(ctx, tx, t.Volume)
		if err != nil {
			return err
		}
		if v.State != core.VolumeIntended && v.State != core.VolumeMade {
			return conflict(subject, "volume %s is %s", short(v.Name), v.State)
		}
	}
	if err := each(ctx, tx, `SELECT id FROM volumes WHERE provider = $1 AND volume_id = $2 AND state = $3`,
		[]any{t.Provider, t.VolumeID, core.VolumeUndoing}, func(*sql.Rows) error {
			return conflict(subject, "volume %s is being removed", short(t.VolumeID))
		}); err != nil {
		return err
	}
	if err := oneWriter(ctx, tx, t); err != nil {
		return err
	}
	record, err := encodeAttachment(t)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO attachments (id, allocation, provider, volume_id, volume, state, final, record, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		t.ID, maybe(t.Allocation), t.Provider, t.VolumeID, maybe(t.Volume), t.State, t.State == core.AttachmentEnded, record,
		stringOf(t.CreatedAt), stringOf(t.UpdatedAt))
	n, err := affected(done, err)
	if err == nil && n == 0 {
		return conflict(subject, "the id was used before")
	}
	return err
}

// Attachment implements [Volumes].
func (s *SQLite) Attachment(ctx context.Context, id string) (t core.AttachmentRecord, err error) {
	err = retry(ctx, func() error {
		if s.isClosed() {
			return errClosed
		}
		t, err = attachmentIn(ctx, s.reader, id)
		return err
	})
	return t, failure("read attachment", attachmentSubject(id), err)
}

// Attachments implements [Volumes].
func (s *SQLite) Attachments(ctx context.Context, f AttachmentFilter) ([]core.AttachmentRecord, error) {
	w := where{all: f.Final}
	w.equal("provider", f.Provider)
	w.equal("volume_id", f.VolumeID)
	w.equal("allocation", f.Allocation)
	w.equal("volume", f.Volume)
	if f.Open {
		w.parts = append(w.parts, fmt.Sprintf("state NOT IN ('%s', '%s')", core.AttachmentAttached, core.AttachmentEnded))
	}
	var all []core.AttachmentRecord
	err := s.query(ctx, selectAttachments+w.String(), w.args, func(row *sql.Rows) error {
		t, err := scanAttachment(row)
		all = append(all, t)
		return err
	})
	return all, failure("list attachments", "", err)
}

// ChangeAttachment implements [Volumes].
func (s *SQLite) ChangeAttachment(ctx context.Context, id string, event core.Event,
	fn func(t *core.AttachmentRecord, a *core.Allocation) error,
) (core.AttachmentRecord, error) {
	var t core.AttachmentRecord
	err := s.write(ctx, func(tx *sql.Tx) (err error) {
		was, err := attachmentIn(ctx, tx, id)
		if err != nil {
			return err
		}
		t = was
		var row allocationRow
		var a *core.Allocation
		if t.Allocation != "" {
			if row, err = allocationIn(ctx, tx, t.Allocation); err != nil {
				return err
			}
			of := row.Allocation
			a = &of
		}
		if err := fn(&t, a); err != nil {
			return callersOwn{err}
		}
		if t, err = s.putAttachment(ctx, tx, was, t); err != nil {
			return err
		}
		if a != nil {
			if _, err := s.putAllocation(ctx, tx, row, *a); err != nil {
				return err
			}
		}
		event.Allocation = t.Allocation
		return s.addEvent(ctx, tx, event)
	})
	if err != nil {
		return core.AttachmentRecord{}, changeFailure("change attachment", attachmentSubject(id), err)
	}
	return t, nil
}

func (s *SQLite) putAttachment(ctx context.Context, tx *sql.Tx, was, t core.AttachmentRecord) (core.AttachmentRecord, error) {
	next := was
	next.State, next.Epoch, next.Force, next.Error = t.State, t.Epoch, t.Force, t.Error
	next.UpdatedAt = s.now()
	subject := attachmentSubject(was.ID)
	switch {
	case next.State == "":
		return next, invalid(subject, "state", "a state")
	case was.State == core.AttachmentEnded && next.State != was.State:
		return next, conflict(subject, "it has ended and cannot become %s", next.State)
	}
	record, err := encodeAttachment(next)
	if err != nil {
		return next, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE attachments SET state = $2, final = $3, record = $4, updated_at = $5 WHERE id = $1`,
		next.ID, next.State, next.State == core.AttachmentEnded, record, stringOf(next.UpdatedAt))
	return next, err
}

func attachmentIn(ctx context.Context, q querier, id string) (t core.AttachmentRecord, err error) {
	found := false
	err = each(ctx, q, selectAttachments+` WHERE id = $1`, []any{id}, func(row *sql.Rows) error {
		found = true
		t, err = scanAttachment(row)
		return err
	})
	if err == nil && !found {
		err = notFound(attachmentSubject(id), "")
	}
	return t, err
}

func scanAttachment(row *sql.Rows) (core.AttachmentRecord, error) {
	return scanRecord(row, func(t *core.AttachmentRecord) (created, updated *time.Time) { return &t.CreatedAt, &t.UpdatedAt })
}

func encodeAttachment(t core.AttachmentRecord) (string, error) {
	t.Error = storable(t.Error)
	return encode(t)
}

func attachmentSubject(id string) string { return "attachment " + short(id) }
