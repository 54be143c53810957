package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// newestRates orders rates, those that hold first.
const newestRates = ` ORDER BY as_of DESC, seen_at DESC, base, source LIMIT 1`

// PutRates implements [Prices].
func (s *SQLite) PutRates(ctx context.Context, r *pricing.Rates) error {
	const op = "keep rates"
	if r == nil {
		return failure(op, "rates", invalid("rates", "rates", "some"))
	}
	day, source := r.AsOf().UTC(), printable(r.Source())
	subject := fmt.Sprintf("rates of %s of %s", r.Base(), day.Format(time.DateOnly))
	if y := day.Year(); y < 1 || y > 9999 {
		return failure(op, subject, invalid(subject, "as_of", "a day of the years 1 to 9999"))
	}
	values, err := rateValues(r)
	if err != nil {
		return failure(op, subject, err)
	}
	body, err := encode(values)
	if err != nil {
		return failure(op, subject, err)
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		fresh := true
		if err := each(ctx, tx, `SELECT body FROM rates WHERE base = $1 AND as_of = $2 AND source = $3`,
			[]any{r.Base(), stringOf(day), source}, func(row *sql.Rows) error {
				fresh = false
				return sameRates(row, subject, values)
			}); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO rates (base, as_of, source, body, seen_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (base, as_of, source) DO UPDATE SET seen_at = excluded.seen_at`,
			r.Base(), stringOf(day), source, body, stringOf(s.now())); err != nil || !fresh {
			return err
		}
		return s.addEvent(ctx, tx, core.Event{Step: StepRatesPut, Text: subject + " from " + short(source)})
	}))
}

// rateValues are all rates but that of the base against itself.
func rateValues(r *pricing.Rates) (map[string]string, error) {
	values := make(map[string]string)
	for _, code := range r.Currencies() {
		if code == r.Base() {
			continue
		}
		rate, err := r.Rate(code)
		if err != nil {
			return nil, err
		}
		values[code] = rate
	}
	return values, nil
}

// sameRates is nil if kept rates say what the given ones say: 1.10 is 1.1.
func sameRates(row *sql.Rows, subject string, values map[string]string) error {
	var body string
	if err := row.Scan(&body); err != nil {
		return err
	}
	var kept map[string]string
	if err := decode(body, &kept); err != nil {
		return err
	}
	same := len(kept) == len(values)
	for code, value := range values {
		was, ok := new(big.Rat).SetString(kept[code])
		is, readable := new(big.Rat).SetString(value)
		same = same && ok && readable && was.Cmp(is) == 0
	}
	if !same {
		e := conflict(subject, "the same source said something else of this day before")
		e.Hint = "name another source if these are right"
		return e
	}
	return nil
}

// Rates implements [Prices].
func (s *SQLite) Rates(ctx context.Context) (*pricing.Rates, time.Time, error) {
	return s.rates(ctx, "exchange rates", never)
}

// RatesOn implements [Prices].
func (s *SQLite) RatesOn(ctx context.Context, at time.Time) (*pricing.Rates, time.Time, error) {
	return s.rates(ctx, "exchange rates until "+at.UTC().Format(time.DateOnly), stringOf(at))
}

func (s *SQLite) rates(ctx context.Context, subject, until string) (r *pricing.Rates, seenAt time.Time, err error) {
	err = s.query(ctx, `SELECT base, as_of, source, body, seen_at FROM rates WHERE as_of <= $1`+newestRates, []any{until},
		func(row *sql.Rows) error {
			var base, asOf, source, body, seen string
			if err := row.Scan(&base, &asOf, &source, &body, &seen); err != nil {
				return err
			}
			day, err := timeOf(asOf)
			if err != nil {
				return err
			}
			if seenAt, err = timeOf(seen); err != nil {
				return err
			}
			var values map[string]string
			if err := decode(body, &values); err != nil {
				return err
			}
			r, err = pricing.NewRates(base, day, source, values)
			return err
		})
	if err == nil && r == nil {
		err = &core.Error{Kind: core.NotFound, Subject: subject, Text: "none are kept"}
	}
	if err != nil {
		return nil, time.Time{}, failure("read rates", subject, err)
	}
	return r, seenAt, nil
}
