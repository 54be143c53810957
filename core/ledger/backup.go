package ledger

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mesoncloud/meson/core"
)

// Backup writes a whole, consistent copy of the ledger to a new file that only
// the user may read, while others go on writing; Restore takes it back. A file of
// that name that is not empty is whole, whatever is killed. Secrets are not in it.
// Conflict where there is such a file already, Invalid where there is no such
// directory.
func (s *SQLite) Backup(ctx context.Context, path string) error {
	return failure("back up ledger", path, s.backup(ctx, path))
}

func (s *SQLite) backup(ctx context.Context, path string) (err error) {
	if s.isClosed() {
		return errClosed
	}
	// The name is taken first, and filled at once in the end.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return conflict(path, "the file is there already and stays as it is")
	case errors.Is(err, fs.ErrNotExist):
		return &core.Error{Kind: core.Invalid, Text: "there is no such directory", Err: err}
	case err != nil:
		return err
	}
	defer func() {
		if err != nil {
			err = cmp.Or(err, removeFiles(path, "", partSuffix))
		}
	}()
	if err := file.Close(); err != nil {
		return err
	}
	if err := s.copyTo(ctx, path+partSuffix); err != nil {
		return err
	}
	if err := os.Rename(path+partSuffix, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// copyTo writes a copy that is on the disk when this returns.
func (s *SQLite) copyTo(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// The engine takes an empty file as its own to fill.
	if err := retry(ctx, func() error {
		_, err := s.reader.ExecContext(ctx, `VACUUM INTO $1`, path)
		return err
	}); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(file.Sync(), file.Close())
}
