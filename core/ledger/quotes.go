package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/mesoncloud/meson/core"
)

// PutQuotes implements [Prices].
func (s *SQLite) PutQuotes(ctx context.Context, pledgeHash string, quotes []core.Quote, shown time.Time) error {
	const op = "keep quotes"
	bodies := make([]string, len(quotes))
	for i, q := range quotes {
		if q.ID == "" || len(q.ID) > 63 || !plain(q.ID, true) {
			return failure(op, "quote "+short(q.ID), invalid("quote "+short(q.ID), "id", "1 to 63 of a-z, 0-9 and -"))
		}
		var err error
		if bodies[i], err = encode(q); err != nil {
			return failure(op, "quote "+q.ID, err)
		}
	}
	if len(quotes) == 0 {
		return nil
	}
	return failure(op, "", s.write(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO quotes (id, pledge_hash, provider, offer_id, total, list_revision, shown_at, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (id) DO UPDATE SET list_revision = excluded.list_revision, shown_at = excluded.shown_at, body = excluded.body
			WHERE quotes.pledge_hash = excluded.pledge_hash AND quotes.provider = excluded.provider
				AND quotes.offer_id = excluded.offer_id AND quotes.total = excluded.total`)
		if err != nil {
			return err
		}
		defer func() { _ = insert.Close() }() // ends with the transaction anyway
		for i, q := range quotes {
			done, err := insert.ExecContext(ctx, q.ID, pledgeHash, q.Provider, q.Offer.ID, q.Price.Total.String(),
				q.ListRevision, stringOf(shown), bodies[i])
			if n, err := affected(done, err); err != nil {
				return err
			} else if n == 0 {
				return conflict("quote "+q.ID, "this id was shown for another pledge, offer or total")
			}
		}
		return nil
	}))
}

// Quote implements [Prices].
func (s *SQLite) Quote(ctx context.Context, id string) (StoredQuote, error) {
	const op = "read quote"
	subject := "quote " + short(id)
	from, to, ok := prefix(id)
	if !ok {
		from, to = id, id
	}
	var found []StoredQuote
	err := s.query(ctx, `SELECT pledge_hash, shown_at, body FROM quotes WHERE id BETWEEN $1 AND $2
		ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END, id LIMIT 5`, []any{from, to}, func(row *sql.Rows) error {
		q, err := scanQuote(row)
		found = append(found, q)
		return err
	})
	if err != nil {
		return StoredQuote{}, failure(op, subject, err)
	}
	if len(found) == 0 {
		return StoredQuote{}, failure(op, subject,
			notFound(subject, "quotes are kept for 30 days after they were shown; ask for offers again"))
	}
	if len(found) > 1 && found[0].ID != id {
		var ids []string
		for _, q := range found {
			ids = append(ids, q.ID)
		}
		return StoredQuote{}, failure(op, subject, ambiguous(subject, ids))
	}
	return found[0], nil
}

func scanQuote(row *sql.Rows) (q StoredQuote, err error) {
	var shown, body string
	if err := row.Scan(&q.PledgeHash, &shown, &body); err != nil {
		return q, err
	}
	if err := decode(body, &q.Quote); err != nil {
		return q, err
	}
	q.Shown, err = timeOf(shown)
	return q, err
}
