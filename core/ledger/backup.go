package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// Backup writes a whole, consistent copy of the ledger to a new file that only
// the user may read, while others go on writing. To restore it, put it where
// the ledger was when no meson runs. Secrets are not in it.
func (s *SQLite) Backup(ctx context.Context, path string) error {
	return failure("back up ledger", path, s.backup(ctx, path))
}

func (s *SQLite) backup(ctx context.Context, path string) (err error) {
	if s.isClosed() {
		return errClosed
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return conflict(path, "the file is there already and stays as it is")
	}
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	// The engine takes an empty file as its own to fill.
	if err := retry(ctx, func() error {
		_, err := s.reader.ExecContext(ctx, `VACUUM INTO $1`, path)
		return err
	}); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
