package ledger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/mesoncloud/meson/core"
)

const (
	metaBroker  = "broker_id"
	metaHashKey = "hash_key"
)

// prepareFile sees that there is a file that may be opened. What it makes it
// makes whole beside it first, so that an empty file is never one of ours and
// whoever is killed on the way leaves nothing half made.
func (s *SQLite) prepareFile(ctx context.Context) error {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
			return err
		}
		return exclusive(ctx, s.path, func() error { return s.create(ctx) })
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &core.Error{Kind: core.Invalid, Text: "want a file, this is " + info.Mode().Type().String()}
	}
	if info.Mode().Perm()&0o077 != 0 {
		s.log.Warn("the ledger was open to others and no longer is", "path", s.path, "mode", info.Mode().Perm().String())
		return os.Chmod(s.path, 0o600)
	}
	return nil
}

func (s *SQLite) create(ctx context.Context) error {
	if _, err := os.Stat(s.path); err == nil {
		return nil // somebody else was first
	}
	if wal, err := os.Stat(s.path + "-wal"); err == nil && wal.Size() > 0 {
		return damaged("the ledger is not there, but its -wal is")
	}
	draft := s.path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(draft + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	file, err := os.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := runMigrations(ctx, draft, s.log); err != nil {
		return err
	}
	if err := s.giveIdentity(ctx, draft); err != nil {
		return err
	}
	if err := os.Rename(draft, s.path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	s.stamp(s.now())
	return nil
}

func (s *SQLite) giveIdentity(ctx context.Context, path string) (err error) {
	db, err := openPool(path, readWrite, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var key [32]byte
	_, _ = rand.Read(key[:])
	_, err = db.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2), ($3, $4)`,
		metaBroker, NewID(), metaHashKey, hex.EncodeToString(key[:]))
	return err
}

// exclusive runs fn while no other process makes or migrates the same ledger.
func exclusive(ctx context.Context, path string, fn func() error) (err error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 3*time.Millisecond); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return core.Errorf(core.Busy, "another process has been preparing the ledger for %s", longest)
		}
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return fn()
}

// syncDir makes the entries of a directory survive a crash of the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync %s: %w", dir, err), d.Close())
	}
	return d.Close()
}
