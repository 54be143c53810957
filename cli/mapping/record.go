package mapping

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// record is what a mapping's directory says of it.
type record struct {
	Mapping
	// Made is true once the daemon shows the volume.
	Made bool `json:"made"`
	// Placed is true where File was made by us and is to be removed.
	Placed bool `json:"placed"`
}

const recordFile = "mapping.json"

// read is the record of a mapping; nil where there is none. One that was never
// finished, or cannot be read, is a mapping that is dead.
func (m *Mapper) read(id string) (*record, error) {
	data, err := os.ReadFile(filepath.Join(m.dir(id), recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(m.dir(id)); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return m.unreadable(id), nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(data, r); err != nil {
		r = m.unreadable(id)
	}
	r.ID = id
	return r, nil
}

func (m *Mapper) unreadable(id string) *record {
	return &record{Mapping: Mapping{ID: id, As: AsFile, File: filepath.Join(m.dir(id), defaultFile)}}
}

func (m *Mapper) write(r *record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return m.writeFile(r.ID, recordFile, append(data, '\n'))
}

// writeFile replaces a file of a mapping's directory, mode 0600.
func (m *Mapper) writeFile(id, name string, data []byte) error {
	tmp, err := os.CreateTemp(m.dir(id), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(m.dir(id), name))
	}
	return err
}

// ids are those that have a directory, in order.
func (m *Mapper) ids() ([]string, error) {
	entries, err := os.ReadDir(m.opts.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && validID(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func validID(id string) bool { return regexp.MustCompile(`^[a-z0-9-]{1,20}$`).MatchString(id) }

// failed gives an error its operation and subject, unless it has them.
func failed(op, subject string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*core.Error](err); ok {
		if e.Op == "" {
			e.Op, e.Subject = op, subject
		}
		return err
	}
	return &core.Error{Kind: core.Unavailable, Op: op, Subject: subject, Err: err}
}

func by(holders []string) string {
	if len(holders) == 0 {
		return ""
	}
	return " by " + strings.Join(holders, ", ")
}
