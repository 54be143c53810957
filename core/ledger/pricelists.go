package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// PutPriceList implements [Prices].
func (s *SQLite) PutPriceList(ctx context.Context, provider string, list *pricing.List) error {
	const op = "keep price list"
	if provider == "" || list == nil || list.Revision == "" {
		return failure(op, "provider "+short(provider), invalid("price list", "revision", "a provider and a list with a revision"))
	}
	subject := priceListSubject(provider, list.Revision)
	head, body, err := headOf(list)
	if err != nil {
		return failure(op, subject, err)
	}
	if lately, err := s.putLately(ctx, provider, list, head); lately || err != nil {
		return failure(op, subject, err)
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		var was string
		err := tx.QueryRowContext(ctx, `SELECT head FROM price_lists WHERE provider = $1 AND revision = $2`, provider, list.Revision).Scan(&was)
		fresh := errors.Is(err, sql.ErrNoRows)
		if err != nil && !fresh {
			return err
		}
		// The body is long and seldom another one: it is compared by digest first,
		// and written only where it must be.
		rewrite := true
		if !fresh {
			if rewrite, err = s.otherBody(ctx, tx, subject, provider, list, was, head); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO price_lists (provider, revision, seen_at, head) VALUES ($1, $2, $3, $4)
			ON CONFLICT (provider, revision) DO UPDATE SET seen_at = excluded.seen_at, head = excluded.head`,
			provider, list.Revision, stringOf(s.now()), head); err != nil || !rewrite {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO price_list_bodies (provider, revision, body) VALUES ($1, $2, $3)
			ON CONFLICT (provider, revision) DO UPDATE SET body = excluded.body`, provider, list.Revision, body)
		return err
	}))
}

// putLately reports whether the very list was the provider's last to be put, and
// not long ago: whoever asks for offers need not wait for a write then.
func (s *SQLite) putLately(ctx context.Context, provider string, list *pricing.List, head string) (lately bool, err error) {
	now, err := decodeHead(head, "")
	if err != nil {
		return false, err
	}
	err = s.query(ctx, `SELECT head, seen_at FROM price_lists WHERE provider = $1 AND revision = $2
		AND seen_at = (SELECT MAX(seen_at) FROM price_lists WHERE provider = $1)`, []any{provider, list.Revision}, func(row *sql.Rows) error {
		var head, seen string
		if err := row.Scan(&head, &seen); err != nil || head == "" {
			return err
		}
		was, err := decodeHead(head, "")
		if err != nil {
			return err
		}
		at, err := timeOf(seen)
		lately = was.Digest == now.Digest && within(at, s.now()) && within(was.AsOf, now.AsOf)
		return err
	})
	return lately, err
}

// within reports whether b is a, or later by less than SeenWithin.
func within(a, b time.Time) bool {
	d := b.Sub(a)
	return d >= 0 && d < SeenWithin
}

// otherBody reports whether a list must be written anew, though it says what the
// kept one says. Conflict where it does not.
func (s *SQLite) otherBody(ctx context.Context, tx *sql.Tx, subject, provider string, list *pricing.List, was, is string) (bool, error) {
	if was != "" {
		before, err := decodeHead(was, "")
		if err != nil {
			return false, err
		}
		now, err := decodeHead(is, "")
		if err != nil || before.Digest == now.Digest {
			return false, err
		}
	}
	var kept string
	if err := tx.QueryRowContext(ctx, `SELECT body FROM price_list_bodies WHERE provider = $1 AND revision = $2`,
		provider, list.Revision).Scan(&kept); err != nil {
		return false, err
	}
	return true, sameList(subject, kept, *list)
}

// sameList is nil if a kept list says what the given one says, but for the date
// on which it was read.
func sameList(subject, kept string, list pricing.List) error {
	var old pricing.List
	if err := decode(kept, &old); err != nil {
		return err
	}
	old.AsOf = list.AsOf
	was, err := encode(old)
	if err != nil {
		return err
	}
	is, err := encode(list)
	if err == nil && was != is {
		return conflict(subject, "the list said something else before: other prices are another revision")
	}
	return err
}

// PriceList implements [Prices].
func (s *SQLite) PriceList(ctx context.Context, provider, revision string) (*pricing.List, error) {
	var list *pricing.List
	err := s.query(ctx, `SELECT l.head, b.body FROM price_lists l JOIN price_list_bodies b ON b.provider = l.provider AND b.revision = l.revision
		WHERE l.provider = $1 AND l.revision = $2`, []any{provider, revision},
		func(row *sql.Rows) error {
			var head, body string
			if err := row.Scan(&head, &body); err != nil {
				return err
			}
			list = new(pricing.List)
			if err := decode(body, list); err != nil || head == "" {
				return err
			}
			h, err := decodeHead(head, "")
			list.AsOf = h.AsOf
			return err
		})
	subject := priceListSubject(provider, revision)
	if err == nil && list == nil {
		err = noPriceList(subject)
	}
	if err != nil {
		return nil, failure("read price list", subject, err)
	}
	return list, nil
}

// PriceLists implements [Prices].
func (s *SQLite) PriceLists(ctx context.Context, provider string) ([]PriceListInfo, error) {
	var all []PriceListInfo
	err := s.query(ctx, `SELECT l.provider, l.revision, l.seen_at, l.head,
			CASE WHEN l.head = '' THEN (SELECT body FROM price_list_bodies b WHERE b.provider = l.provider AND b.revision = l.revision) ELSE '' END,
			COALESCE(u.revision, ''), COALESCE(u.imported, FALSE), COALESCE(u.used_by, ''), COALESCE(u.since, '')
		FROM price_lists l LEFT JOIN price_list_uses u ON u.provider = l.provider AND u.revision = l.revision
		WHERE $1 = '' OR l.provider = $1 ORDER BY l.provider, l.seen_at DESC, l.revision`, []any{provider},
		func(row *sql.Rows) error {
			info, err := scanPriceListInfo(row)
			all = append(all, info)
			return err
		})
	return all, failure("list price lists", "", err)
}

func scanPriceListInfo(row *sql.Rows) (info PriceListInfo, err error) {
	var provider, revision, seen, head, body, since string
	var use ListUse
	if err := row.Scan(&provider, &revision, &seen, &head, &body, &use.Revision, &use.Imported, &use.By, &since); err != nil {
		return info, err
	}
	h, err := decodeHead(head, body)
	if err != nil {
		return info, err
	}
	info = h.info(provider, revision)
	if info.SeenAt, err = timeOf(seen); err != nil || use.Revision == "" {
		return info, err
	}
	use.Since, err = timeOf(since)
	info.Use = use
	return info, err
}

func noPriceList(subject string) *core.Error {
	return &core.Error{Kind: core.NotFound, Subject: subject, Text: "there is no such price list"}
}

func priceListSubject(provider, revision string) string {
	return "price list " + short(revision) + " of provider " + short(provider)
}
