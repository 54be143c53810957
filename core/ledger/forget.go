package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// StepForgotten is the step of the events of what is forgotten with its provider.
const StepForgotten = "provider.forgotten"

// ProviderHolds implements [Providers].
func (s *SQLite) ProviderHolds(ctx context.Context, name string) (all []core.Forgotten, err error) {
	err = retry(ctx, func() error {
		if s.isClosed() {
			return errClosed
		}
		if _, err := providerIn(ctx, s.reader, name); err != nil {
			return err
		}
		all, err = holdsIn(ctx, s.reader, name)
		return err
	})
	return all, failure("read provider", "provider "+short(name), err)
}

func holdsIn(ctx context.Context, q querier, provider string) (all []core.Forgotten, err error) {
	err = each(ctx, q, `SELECT what, id, name, provider_id, allocation FROM (
			SELECT 1 AS rank, 'machine' AS what, id, name, '' AS provider_id, id AS allocation, created_at FROM allocations a
				WHERE NOT final AND (provider = $1 OR EXISTS (SELECT 1 FROM attempts t WHERE t.allocation = a.id AND t.provider = $1 AND t.state NOT IN ($2, $3)))
			UNION ALL SELECT 2, 'volume', id, name, volume_id, COALESCE(allocation, ''), created_at FROM volumes WHERE NOT final AND provider = $1
			UNION ALL SELECT 3, 'attachment', id, '', volume_id, COALESCE(allocation, ''), created_at FROM attachments WHERE NOT final AND provider = $1
		) ORDER BY rank, created_at, id`,
		[]any{provider, core.AttemptRefused, core.AttemptRemoved}, func(row *sql.Rows) error {
			var f core.Forgotten
			err := row.Scan(&f.What, &f.ID, &f.Name, &f.ProviderID, &f.Allocation)
			all = append(all, f)
			return err
		})
	return all, err
}

// ForgetProvider implements [Providers].
func (s *SQLite) ForgetProvider(ctx context.Context, name string, what []core.Forgotten) error {
	subject := "provider " + short(name)
	var ended []core.Allocation
	err := s.write(ctx, func(tx *sql.Tx) error {
		ended = nil
		if _, err := providerIn(ctx, tx, name); err != nil {
			return err
		}
		now, err := holdsIn(ctx, tx, name)
		if err != nil {
			return err
		}
		if !slices.Equal(now, what) {
			e := conflict(subject, "what it holds has changed meanwhile")
			e.Hint = "look again"
			return e
		}
		f := forgetting{SQLite: s, tx: tx, provider: name}
		if err := f.attachments(ctx, `provider = $1`, name, false); err != nil {
			return err
		}
		if err := f.volumes(ctx, `provider = $1`, name, false); err != nil {
			return err
		}
		for _, one := range what {
			if one.What != "machine" {
				continue
			}
			a, err := f.machine(ctx, one.ID)
			if err != nil {
				return err
			}
			if a.State.Final() {
				ended = append(ended, a)
			}
		}
		return s.dropProvider(ctx, tx, name, what)
	})
	for _, a := range ended {
		s.dropSpent(a)
	}
	return failure("forget provider", subject, err)
}

// forgetting ends records of what a provider may still have.
type forgetting struct {
	*SQLite
	tx       *sql.Tx
	provider string
}

func (f forgetting) reason() *core.Error {
	return &core.Error{Kind: core.Uncertain, Subject: "provider " + f.provider, Text: "forgotten along with its provider, which may still have it"}
}

// attachments ends those that match; with apart they are of another provider, whose
// storage is still to cut them off, by itself.
func (f forgetting) attachments(ctx context.Context, match, value string, apart bool) error {
	var all []core.AttachmentRecord
	if err := each(ctx, f.tx, selectAttachments+` WHERE NOT final AND `+match, []any{value}, func(row *sql.Rows) error {
		t, err := scanAttachment(row)
		all = append(all, t)
		return err
	}); err != nil {
		return err
	}
	for _, was := range all {
		t, event := was, core.Event{Step: StepForgotten, Text: "attachment " + was.ID + " of provider " + f.provider, Allocation: was.Allocation}
		t.State, t.Error = core.AttachmentEnded, f.reason()
		if apart {
			t.State, t.Force, t.Error = core.AttachmentEnding, true, nil
			event.Text = fmt.Sprintf("attachment %s of provider %s is to be cut off, since its machine is forgotten", was.ID, was.Provider)
			was.Allocation, was.Attempt = "", 0
			if _, err := f.tx.ExecContext(ctx, `UPDATE attachments SET allocation = NULL WHERE id = $1`, was.ID); err != nil {
				return err
			}
		}
		if _, err := f.putAttachment(ctx, f.tx, was, t); err != nil {
			return err
		}
		if err := f.addEvent(ctx, f.tx, event); err != nil {
			return err
		}
	}
	return nil
}

// volumes ends those that match, or, with apart, which are of another provider, keeps
// them from going with their machine.
func (f forgetting) volumes(ctx context.Context, match, value string, apart bool) error {
	var all []core.VolumeRecord
	if err := each(ctx, f.tx, selectVolumes+` WHERE NOT final AND `+match, []any{value}, func(row *sql.Rows) error {
		v, err := scanVolume(row)
		all = append(all, v)
		return err
	}); err != nil {
		return err
	}
	for _, was := range all {
		v := was
		if v.Keep = true; !apart {
			v.State, v.Error = core.VolumeRemoved, f.reason()
		}
		if _, err := f.putVolume(ctx, f.tx, was, v); err != nil {
			return err
		}
		if apart {
			continue
		}
		text := strings.TrimSpace("volume "+was.Name+" "+was.VolumeID) + " of provider " + f.provider
		if err := f.addEvent(ctx, f.tx, core.Event{Step: StepForgotten, Text: text, Allocation: was.Allocation}); err != nil {
			return err
		}
	}
	return nil
}

// machine ends the attempts of an allocation at the provider and, unless it may have a
// machine elsewhere, the allocation.
func (f forgetting) machine(ctx context.Context, id string) (core.Allocation, error) {
	row, err := allocationIn(ctx, f.tx, id)
	if err != nil {
		return row.Allocation, err
	}
	var all []core.Attempt
	if err := each(ctx, f.tx, selectAttempts+` ORDER BY number`, []any{id}, func(row *sql.Rows) error {
		t, err := scanAttempt(row)
		all = append(all, t)
		return err
	}); err != nil {
		return row.Allocation, err
	}
	elsewhere := false
	for _, was := range all {
		switch t := was; {
		case was.State == core.AttemptRefused || was.State == core.AttemptRemoved:
		case was.Quote.Provider != f.provider:
			elsewhere = true
		default:
			t.State, t.Error = core.AttemptRemoved, f.reason()
			if err := f.putAttempt(ctx, f.tx, was, t); err != nil {
				return row.Allocation, err
			}
		}
	}
	a := row.Allocation
	text := "attempts at provider " + f.provider
	if !elsewhere {
		if err := f.attachments(ctx, `allocation = $1`, id, true); err != nil {
			return a, err
		}
		if err := f.volumes(ctx, `allocation = $1`, id, true); err != nil {
			return a, err
		}
		a.State, a.Message = core.Gone, "forgotten along with provider "+f.provider+", which may still have it"
		text = "machine of provider " + f.provider
		if a, err = f.putAllocation(ctx, f.tx, row, a); err != nil {
			return a, err
		}
	}
	return a, f.addEvent(ctx, f.tx, core.Event{Step: StepForgotten, Text: text, Allocation: id})
}
