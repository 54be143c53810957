package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/mesoncloud/meson/core"
)

// never stands for the end of a refusal that has none: it comes after every
// other, as times are sorted.
const never = "9999-12-31T23:59:59.999999999Z"

// Remember implements [Refusals].
func (s *SQLite) Remember(ctx context.Context, r Refusal) error {
	const op = "remember refusal"
	subject := "provider " + short(r.Provider)
	if r.Provider == "" {
		return failure(op, subject, invalid("refusal", "provider", "who refused"))
	}
	until := never
	if !r.Until.IsZero() {
		until = stringOf(r.Until)
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO refusals (provider, zone, shape, scope, until, text) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (provider, zone, shape, scope) DO UPDATE SET until = excluded.until, text = excluded.text`,
			r.Provider, r.Zone, r.Shape, r.Scope, until, printable(r.Text))
		return err
	}))
}

// Refusals implements [Refusals].
func (s *SQLite) Refusals(ctx context.Context, now time.Time) ([]Refusal, error) {
	var all []Refusal
	err := s.query(ctx, `SELECT provider, zone, shape, scope, until, text FROM refusals WHERE until > $1
		ORDER BY provider, zone, shape, scope`, []any{stringOf(now)}, func(row *sql.Rows) error {
		var r core.Refusal
		var until string
		err := row.Scan(&r.Provider, &r.Zone, &r.Shape, &r.Scope, &until, &r.Text)
		if err == nil && until != never {
			r.Until, err = timeOf(until)
		}
		all = append(all, r)
		return err
	})
	return all, failure("list refusals", "", err)
}

// Forget implements [Refusals].
func (s *SQLite) Forget(ctx context.Context, provider, zone, shape string) error {
	const matches = ` FROM refusals WHERE provider = $1 AND ($2 = '' OR zone IN ('', $2)) AND ($3 = '' OR shape IN ('', $3))`
	subject := "provider " + short(provider)
	// Success is the rule and there is seldom anything to forget: look before
	// taking the writer's turn.
	known := false
	err := s.query(ctx, `SELECT 1`+matches+` LIMIT 1`, []any{provider, zone, shape}, func(*sql.Rows) error {
		known = true
		return nil
	})
	if err == nil && known {
		err = s.write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `DELETE`+matches, provider, zone, shape)
			return err
		})
	}
	return failure("forget refusals", subject, err)
}
