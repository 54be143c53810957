package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
)

const selectProviders = `SELECT record, settings, created_at FROM providers`

// PutProvider implements [Providers].
func (s *SQLite) PutProvider(ctx context.Context, p core.ProviderConfig) error {
	const op = "add provider"
	subject := "provider " + short(p.Name)
	if err := checkProvider(p); err != nil {
		return failure(op, subject, err)
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = s.now()
	}
	record, settings, err := encodeProvider(p)
	if err != nil {
		return failure(op, subject, err)
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO providers (name, plugin, settings, record, created_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING`,
			p.Name, p.Plugin, settings, record, stringOf(p.CreatedAt))
		if n, err := affected(done, err); err != nil {
			return err
		} else if n == 0 {
			e := conflict(subject, "there is a provider of this name")
			e.Hint = "choose another name, or change or remove that one"
			return e
		}
		return s.addEvent(ctx, tx, core.Event{Step: StepProviderAdded, Text: fmt.Sprintf("provider %s of plugin %s", p.Name, p.Plugin)})
	}))
}

// UpdateProvider implements [Providers].
func (s *SQLite) UpdateProvider(ctx context.Context, p core.ProviderConfig) error {
	const op = "change provider"
	subject := "provider " + short(p.Name)
	if err := checkProvider(p); err != nil {
		return failure(op, subject, err)
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		was, err := providerIn(ctx, tx, p.Name)
		if err != nil {
			return err
		}
		if was.Plugin != p.Plugin {
			return conflict(subject, "its plugin is %s and stays so", was.Plugin)
		}
		next := p
		next.CreatedAt = was.CreatedAt
		record, settings, err := encodeProvider(next)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE providers SET settings = $2, record = $3 WHERE name = $1`,
			p.Name, settings, record); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM refusals WHERE provider = $1`, p.Name); err != nil {
			return err
		}
		return s.addEvent(ctx, tx, core.Event{Step: StepProviderUpdated, Text: "provider " + p.Name})
	}))
}

// Provider implements [Providers].
func (s *SQLite) Provider(ctx context.Context, name string) (p core.ProviderConfig, err error) {
	err = retry(ctx, func() error {
		if s.isClosed() {
			return errClosed
		}
		p, err = providerIn(ctx, s.reader, name)
		return err
	})
	return p, failure("read provider", "provider "+short(name), err)
}

// Providers implements [Providers].
func (s *SQLite) Providers(ctx context.Context) ([]core.ProviderConfig, error) {
	var all []core.ProviderConfig
	err := s.query(ctx, selectProviders+` ORDER BY name`, nil, func(row *sql.Rows) error {
		p, err := scanProvider(row)
		all = append(all, p)
		return err
	})
	return all, failure("list providers", "", err)
}

// DeleteProvider implements [Providers].
func (s *SQLite) DeleteProvider(ctx context.Context, name string) error {
	subject := "provider " + short(name)
	return failure("remove provider", subject, s.write(ctx, func(tx *sql.Tx) error {
		if _, err := providerIn(ctx, tx, name); err != nil {
			return err
		}
		if err := unused(ctx, tx, name); err != nil {
			return err
		}
		return s.dropProvider(ctx, tx, name, nil)
	}))
}

// dropProvider removes a provider that is not used, or whose uses are forgotten.
func (s *SQLite) dropProvider(ctx context.Context, tx *sql.Tx, name string, forgotten []core.Forgotten) error {
	for _, text := range []string{
		`DELETE FROM price_list_uses WHERE provider = $1`, `DELETE FROM terms WHERE scope = $1`,
		`DELETE FROM refusals WHERE provider = $1`, `DELETE FROM providers WHERE name = $1`,
	} {
		if _, err := tx.ExecContext(ctx, text, name); err != nil {
			return err
		}
	}
	text := "provider " + name
	if n := len(forgotten); n > 0 {
		text += fmt.Sprintf(", and %d forgotten with it", n)
	}
	return s.addEvent(ctx, tx, core.Event{Step: StepProviderDeleted, Text: text})
}

// unused refuses while the provider holds, or may hold, somebody's machine or
// volume.
func unused(ctx context.Context, tx *sql.Tx, provider string) error {
	var users []string
	err := each(ctx, tx, `SELECT id, name FROM allocations a WHERE NOT final AND (provider = $1 OR EXISTS (
			SELECT 1 FROM attempts t WHERE t.allocation = a.id AND t.provider = $1 AND t.state NOT IN ($2, $3)))
		ORDER BY created_at, id`,
		[]any{provider, core.AttemptRefused, core.AttemptRemoved}, func(row *sql.Rows) error {
			var id, name string
			err := row.Scan(&id, &name)
			users = append(users, strings.TrimSpace(name+" "+id))
			return err
		})
	if err != nil {
		return err
	}
	var held []string
	err = each(ctx, tx, `SELECT 'volume ' || TRIM(name || ' ' || volume_id) FROM volumes WHERE NOT final AND provider = $1
		UNION ALL SELECT 'attachment ' || id FROM attachments WHERE NOT final AND provider = $1 ORDER BY 1`,
		[]any{provider}, func(row *sql.Rows) error {
			var what string
			err := row.Scan(&what)
			held = append(held, what)
			return err
		})
	if err != nil || len(users)+len(held) == 0 {
		return err
	}
	var texts []string
	if len(users) > 0 {
		texts = append(texts, "allocations use it: "+listed(users))
	}
	if len(held) > 0 {
		texts = append(texts, "it holds: "+listed(held))
	}
	e := conflict("provider "+provider, "%s", strings.Join(texts, "; "))
	e.Hint = "remove them first; where the provider is gone for good, meson provider rm " + provider + " --force forgets them"
	return e
}

// listed names the first of many.
func listed(names []string) string {
	const most = 10
	if n := len(names); n > most {
		names = append(names[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(names, ", ")
}

func providerIn(ctx context.Context, q querier, name string) (p core.ProviderConfig, err error) {
	found := false
	err = each(ctx, q, selectProviders+` WHERE name = $1`, []any{name}, func(row *sql.Rows) error {
		found = true
		p, err = scanProvider(row)
		return err
	})
	if err == nil && !found {
		err = notFound("provider "+short(name), "see the names of those that there are")
	}
	return p, err
}

func scanProvider(row *sql.Rows) (p core.ProviderConfig, err error) {
	var record, created string
	var settings sql.NullString
	if err := row.Scan(&record, &settings, &created); err != nil {
		return p, err
	}
	if err := json.Unmarshal([]byte(record), &p); err != nil {
		return p, err
	}
	if settings.Valid {
		p.Settings = []byte(settings.String)
	}
	p.CreatedAt, err = timeOf(created)
	return p, err
}

func encodeProvider(p core.ProviderConfig) (record string, settings sql.NullString, err error) {
	p.CreatedAt = time.Time{}
	settings = sql.NullString{String: string(p.Settings), Valid: p.Settings != nil}
	data, err := json.Marshal(p)
	return string(data), settings, err
}

func checkProvider(p core.ProviderConfig) error {
	var faults []core.Fault
	if p.Name == "" || len(p.Name) > 63 || !plain(p.Name, true) {
		faults = append(faults, core.Fault{Path: "name", Have: short(p.Name), Want: "1 to 63 of a-z, 0-9 and -", Text: "want 1 to 63 of a-z, 0-9 and -"})
	}
	if p.Plugin == "" {
		faults = append(faults, core.Fault{Path: "plugin", Want: "the name of a plugin", Text: "missing"})
	}
	if p.Settings != nil && !json.Valid(p.Settings) {
		faults = append(faults, core.Fault{Path: "settings", Want: "a JSON object", Text: "not JSON"})
	}
	if faults != nil {
		return &core.Error{Kind: core.Invalid, Faults: faults}
	}
	return nil
}

// affected is the number of rows that a statement changed.
func affected(done sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	n, err := done.RowsAffected()
	return n, err
}
