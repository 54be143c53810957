package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// holeBytes is how many zeros in a row, at a multiple of it, become a hole.
const holeBytes = 64 << 10

// holed is a file that gets its name when it is whole, and in which zeros take no
// room.
type holed struct {
	file *os.File
	name string
	at   int64
}

func newHoled(name string) (*holed, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".part-*")
	if err != nil {
		return nil, openError(name, err)
	}
	return &holed{file: f, name: name}, nil
}

// Write writes what is not zero.
func (h *holed) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := min(len(p)-done, int(holeBytes-h.at%holeBytes))
		part := p[done : done+n]
		if n < holeBytes || !bytes.Equal(part, make([]byte, holeBytes)) {
			if _, err := h.file.WriteAt(part, h.at); err != nil {
				return done, openError(h.name, err)
			}
		}
		h.at += int64(n)
		done += n
	}
	return done, nil
}

// finish gives the file its name, or removes it.
func (h *holed) finish(whole bool) error {
	if !whole {
		return errors.Join(h.file.Close(), os.Remove(h.file.Name()))
	}
	err := h.file.Truncate(h.at)
	if err == nil {
		err = h.file.Sync()
	}
	if err = errors.Join(err, h.file.Close()); err == nil {
		err = os.Rename(h.file.Name(), h.name)
	}
	if err != nil {
		_ = os.Remove(h.file.Name())
		return openError(h.name, err)
	}
	return nil
}

var _ io.Writer = (*holed)(nil)
