package ledger

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// partSuffix is of files that are not whole yet.
const partSuffix = ".part"

// suffixes are of the files that there may be of one database: itself, what the
// engine keeps beside it, and its stamp.
func suffixes() []string { return []string{"", "-wal", "-shm", "-journal", ".checked"} }

// copyFiles copies a database and what is in its -wal, whichever is there, each
// by way of part: what bears its name is whole, and on the disk. The -wal comes
// first, so that the database is never without it.
func copyFiles(from, to, part string) error {
	for _, suffix := range []string{"-wal", ""} {
		info, err := os.Stat(from + suffix)
		if errors.Is(err, fs.ErrNotExist) || err == nil && suffix != "" && info.Size() == 0 {
			continue
		}
		if err == nil {
			err = copyFile(from+suffix, part)
		}
		if err == nil {
			err = os.Rename(part, to+suffix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a file to a new one that only the user may read.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // read only
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		err = errors.Join(err, os.Remove(to))
	}
	return err
}

// removeFiles removes those that are there.
func removeFiles(path string, suffixes ...string) error {
	var errs []error
	for _, suffix := range suffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
