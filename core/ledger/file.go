package ledger

import (
	"errors"
	"os"
	"path/filepath"
)

// replaceFile writes a file of the user's own whole or not at all. If durable,
// it is on the disk when this returns.
func replaceFile(path string, data []byte, durable bool) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if err == nil && durable {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil || !durable {
		return err
	}
	return syncDir(filepath.Dir(path))
}
