package ledger

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/mesoncloud/meson/core"
)

// pruneBatch bounds how long others wait for a turn to write.
const pruneBatch = 2000

// Prune implements [Ledger].
func (s *SQLite) Prune(ctx context.Context, before time.Time) error {
	const op = "prune ledger"
	limit := stringOf(before)
	for _, text := range []string{
		`DELETE FROM quotes WHERE id IN (SELECT id FROM quotes q WHERE shown_at < $1
			AND NOT EXISTS (SELECT 1 FROM attempts t WHERE t.quote_id = q.id)
			AND NOT EXISTS (SELECT 1 FROM allocations a WHERE a.quote_id = q.id) LIMIT $2)`,
		`DELETE FROM price_lists WHERE (provider, revision) IN (SELECT provider, revision FROM price_lists l WHERE seen_at < $1
			AND NOT EXISTS (SELECT 1 FROM price_list_uses u WHERE u.provider = l.provider AND u.revision = l.revision)
			AND NOT EXISTS (SELECT 1 FROM quotes q WHERE q.provider = l.provider AND q.list_revision = l.revision)
			AND NOT EXISTS (SELECT 1 FROM volumes v WHERE v.provider = l.provider AND v.list_revision = l.revision)
			AND NOT EXISTS (SELECT 1 FROM attempts t WHERE t.provider = l.provider AND t.list_revision = l.revision) LIMIT $2)`,
		`DELETE FROM rates WHERE (base, as_of, source) IN (SELECT base, as_of, source FROM rates WHERE seen_at < $1
			AND (base, as_of, source) NOT IN (SELECT base, as_of, source FROM rates` + newestRates + `) LIMIT $2)`,
		`DELETE FROM refusals WHERE (provider, zone, shape, scope) IN
			(SELECT provider, zone, shape, scope FROM refusals WHERE until < $1 LIMIT $2)`,
	} {
		if err := s.deleteInBatches(ctx, text, limit); err != nil {
			return failure(op, "", err)
		}
	}
	return failure(op, "", errors.Join(s.pruneSecrets(ctx, before), s.pruneLocks(ctx, before)))
}

func (s *SQLite) deleteInBatches(ctx context.Context, text, limit string) error {
	for {
		var n int64
		err := s.write(ctx, func(tx *sql.Tx) (err error) {
			done, err := tx.ExecContext(ctx, text, limit, pruneBatch)
			n, err = affected(done, err)
			return err
		})
		if err != nil || n < pruneBatch {
			return err
		}
	}
}

// pruneSecrets removes the secrets of allocations that need them no longer, and
// of those that were never recorded.
func (s *SQLite) pruneSecrets(ctx context.Context, before time.Time) error {
	return s.pruneSide(secretsDir, func(entry fs.DirEntry, path string) error {
		info, err := entry.Info()
		if err != nil {
			return nil // gone by itself
		}
		id := strings.TrimSuffix(entry.Name(), secretsSuffix)
		row, err := s.allocation(ctx, id)
		switch {
		case err == nil && !spent(row.State):
			return nil
		case core.KindOf(err) == core.NotFound && !info.ModTime().Before(before):
			return nil // may be about to be recorded
		case err != nil && core.KindOf(err) != core.NotFound:
			return err
		}
		return os.Remove(path)
	})
}

// pruneLocks removes the lock files of allocations, volumes and mappings that ended. Somebody who
// opened one just before may then hold a lock that others do not see; nothing
// is left to drive under it.
func (s *SQLite) pruneLocks(ctx context.Context, before time.Time) error {
	return s.pruneSide("locks", func(entry fs.DirEntry, path string) error {
		ended, err := s.ended(ctx, entry.Name())
		if err != nil || ended.IsZero() || !ended.Before(before) {
			return err
		}
		lock := flock.New(path)
		if ok, err := lock.TryLock(); err != nil || !ok {
			return err
		}
		return errors.Join(os.Remove(path), lock.Close())
	})
}

// ended is when whatever has the id was last changed if it has ended, zero if it
// has not, or is not known.
func (s *SQLite) ended(ctx context.Context, id string) (at time.Time, err error) {
	err = s.query(ctx, `SELECT updated_at FROM allocations WHERE id = $1 AND final
		UNION ALL SELECT updated_at FROM volumes WHERE id = $1 AND final
		UNION ALL SELECT updated_at FROM attachments WHERE id = $1 AND final`, []any{id}, func(row *sql.Rows) error {
		var text string
		err := row.Scan(&text)
		if err == nil {
			at, err = timeOf(text)
		}
		return err
	})
	return at, err
}

func (s *SQLite) pruneSide(name string, fn func(entry fs.DirEntry, path string) error) error {
	dir := filepath.Join(filepath.Dir(s.path), name)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		err := fn(entry, filepath.Join(dir, entry.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
