package ledger

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/mesoncloud/meson/core"
)

// Options of a ledger. The zero value is good for use.
type Options struct {
	// Log hears of what a sysadmin should know; nil for nobody.
	Log *slog.Logger
	// Clock gives the times that the ledger sets itself; nil for time.Now.
	Clock func() time.Time
}

// SQLite is the embedded Ledger: one file in WAL mode that is written by one
// connection of each process at a time, every commit synced to the disk.
// Beside the file stand "locks" and "secrets", directories of the user's own,
// PATH.use, which tells a restore that the file is open, and PATH.checked, which
// spares an undisturbed file its check at the next start.
type SQLite struct {
	path   string
	log    *slog.Logger
	clock  func() time.Time
	writer *sql.DB
	reader *sql.DB
	share  *flock.Flock

	id  string
	key []byte

	mu     sync.Mutex
	closed bool
	held   map[*holding]struct{}
}

var _ Ledger = (*SQLite)(nil)

// Open opens the ledger in a file, making it and its directory where there is
// none yet, for the user alone to read, and bringing an older schema up to date.
//
// A file that is damaged, is something else or is of a newer Meson is refused
// with an error whose Hint says what to do, and stays as it is. The check of a
// file that has changed since Meson last closed it, or was not checked for a
// day, is bounded in time.
func Open(ctx context.Context, path string, o Options) (*SQLite, error) {
	const op = "open ledger"
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &core.Error{Kind: core.Invalid, Op: op, Subject: path, Err: err}
	}
	s := &SQLite{
		path:  abs,
		log:   cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		clock: o.Clock,
		held:  make(map[*holding]struct{}),
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if err := s.open(ctx); err != nil {
		return nil, failure(op, abs, errors.Join(err, s.closePools()))
	}
	return s, nil
}

func (s *SQLite) open(ctx context.Context) error {
	if err := s.prepareFile(ctx); err != nil {
		return err
	}
	var err error
	if s.share, err = use(ctx, s.path, false, longest); err != nil {
		return err
	}
	if s.reader, err = openPool(s.path, readOnly, max(2, runtime.GOMAXPROCS(0))); err != nil {
		return err
	}
	version, err := s.inspect(ctx)
	if err != nil {
		return err
	}
	if version < schemaVersion() {
		if err := migrate(ctx, s.path, s.log); err != nil {
			return err
		}
	}
	if s.writer, err = openPool(s.path, readWrite, 1); err != nil {
		return err
	}
	return s.loadIdentity(ctx)
}

func (s *SQLite) loadIdentity(ctx context.Context) error {
	values := make(map[string]string, 2)
	err := s.query(ctx, `SELECT name, value FROM meta`, nil, func(row *sql.Rows) error {
		var name, value string
		if err := row.Scan(&name, &value); err != nil {
			return err
		}
		values[name] = value
		return nil
	})
	if err != nil {
		return err
	}
	s.id = values[metaBroker]
	s.key, err = hex.DecodeString(values[metaHashKey])
	if err != nil || len(s.key) != sha256.Size || !ValidID(s.id) {
		return damaged("the ledger has lost its identity")
	}
	return nil
}

// ID implements [Ledger].
func (s *SQLite) ID() string { return s.id }

// Hash implements [Ledger].
func (s *SQLite) Hash(data []byte) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Close implements [Ledger].
func (s *SQLite) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	held := s.held
	s.held = nil
	s.mu.Unlock()
	for h := range held {
		h.release()
	}
	if err := s.closePools(); err != nil {
		return failure("close ledger", s.path, err)
	}
	s.stamp(time.Time{})
	return nil
}

func (s *SQLite) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *SQLite) closePools() error {
	var errs []error
	for _, pool := range []*sql.DB{s.reader, s.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if s.share != nil {
		errs = append(errs, s.share.Close())
	}
	return errors.Join(errs...)
}

func (s *SQLite) now() time.Time { return s.clock().UTC().Round(0) }
