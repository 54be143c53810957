package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mesoncloud/meson/core"
)

const selectListUses = `SELECT provider, revision, imported, used_by, since FROM price_list_uses`

// UsePriceList implements [Prices].
func (s *SQLite) UsePriceList(ctx context.Context, provider, revision string, o UseOptions) error {
	const op = "use price list"
	subject := priceListSubject(provider, revision)
	if err := o.check(subject); err != nil {
		return failure(op, subject, err)
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		if _, err := providerIn(ctx, tx, provider); err != nil {
			return err
		}
		kept := false
		if err := each(ctx, tx, `SELECT 1 FROM price_lists WHERE provider = $1 AND revision = $2`, []any{provider, revision},
			func(*sql.Rows) error { kept = true; return nil }); err != nil {
			return err
		} else if !kept {
			return noPriceList(subject)
		}
		was, err := listUseIn(ctx, tx, provider)
		if err != nil {
			return err
		}
		next := ListUse{Revision: revision, Imported: o.Imported, By: o.By, Since: was.Since}
		if next == was {
			return nil
		}
		if err := o.replaces(was, provider); err != nil {
			return err
		}
		if was.Revision != revision {
			next.Since = s.now()
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO price_list_uses (provider, revision, imported, used_by, since)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (provider) DO UPDATE SET
				revision = excluded.revision, imported = excluded.imported, used_by = excluded.used_by, since = excluded.since`,
			provider, revision, next.Imported, next.By, stringOf(next.Since)); err != nil {
			return err
		}
		return s.addEvent(ctx, tx, core.Event{Step: StepPricesUsed, Text: next.describe(provider, was)})
	}))
}

func (o UseOptions) check(subject string) error {
	switch {
	case o.By != UsedLive && o.By != UsedByPerson:
		return invalid(subject, "by", UsedLive+" or "+UsedByPerson)
	case o.By == UsedLive && o.Imported:
		return invalid(subject, "by", UsedByPerson+" for a list that is imported")
	}
	return nil
}

// replaces refuses where the list in use may not give way to another.
func (o UseOptions) replaces(was ListUse, provider string) error {
	subject := "provider " + provider
	if was.Revision != o.Was {
		e := conflict(subject, "price list %s is in use, not %s", orNone(was.Revision), orNone(o.Was))
		e.Hint = "somebody changed it meanwhile: look at the prices again"
		return e
	}
	if was.Imported && o.By == UsedLive {
		e := conflict(subject, "price list %s was imported and stays in use", orNone(was.Revision))
		e.Hint = "a person may put another one in its place"
		return e
	}
	return nil
}

func orNone(revision string) string {
	if revision == "" {
		return "none"
	}
	return short(revision)
}

func (u ListUse) describe(provider string, was ListUse) string {
	how := "as the provider gave it"
	switch {
	case u.Imported:
		how = "imported by a person"
	case u.By == UsedByPerson:
		how = "agreed to by a person"
	}
	return fmt.Sprintf("provider %s: price list %s, %s; before it %s", provider, short(u.Revision), how, orNone(was.Revision))
}

// UsedPriceLists implements [Prices].
func (s *SQLite) UsedPriceLists(ctx context.Context) (map[string]ListUse, error) {
	all := make(map[string]ListUse)
	err := s.query(ctx, selectListUses, nil, func(row *sql.Rows) error {
		provider, use, err := scanListUse(row)
		all[provider] = use
		return err
	})
	if err != nil {
		return nil, failure("list used price lists", "", err)
	}
	return all, nil
}

// listUseIn is zero where none is in use.
func listUseIn(ctx context.Context, q querier, provider string) (use ListUse, err error) {
	err = each(ctx, q, selectListUses+` WHERE provider = $1`, []any{provider}, func(row *sql.Rows) error {
		_, use, err = scanListUse(row)
		return err
	})
	return use, err
}

func scanListUse(row *sql.Rows) (provider string, use ListUse, err error) {
	var since string
	if err := row.Scan(&provider, &use.Revision, &use.Imported, &use.By, &since); err != nil {
		return provider, use, err
	}
	use.Since, err = timeOf(since)
	return provider, use, err
}

// StopUsingPriceList implements [Prices].
func (s *SQLite) StopUsingPriceList(ctx context.Context, provider string) error {
	return failure("stop using price list", "provider "+short(provider), s.write(ctx, func(tx *sql.Tx) error {
		was, err := listUseIn(ctx, tx, provider)
		if err != nil || was.Revision == "" {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM price_list_uses WHERE provider = $1`, provider); err != nil {
			return err
		}
		return s.addEvent(ctx, tx, core.Event{Step: StepPricesStopped, Text: "provider " + provider + ": price list " + short(was.Revision)})
	}))
}
