package image

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Export is a way to the bytes that a daemon offers.
type Export struct {
	// ID is the caller's, of [A-Za-z0-9-], at most 64; NBD clients ask for it as
	// the export name.
	ID string `json:"id"`
	// Path is where a FUSE export appears, a file, absolute; empty: NBD on
	// Socket. QEMU lets a volume have FUSE exports or NBD exports, not both.
	Path     string `json:"path,omitempty"`
	Writable bool   `json:"writable,omitempty"`
}

const exportPrefix = "export-"

func (d *Daemon) exportFile(id string) string { return d.socket(exportPrefix + id) }

// Open adds an export; the same again is no change, another of the same id is
// Conflict. A FUSE export makes its file if it is not there, and takes away a
// mount that a killed daemon has left there. Busy: the volume has exports of the
// other kind.
func (d *Daemon) Open(ctx context.Context, x Export) error {
	const op = "export volume"
	if !idForm.MatchString(x.ID) {
		return invalid(op, "export id "+x.ID+": want letters, digits and hyphens, at most 64")
	}
	if x.Path != "" && !filepath.IsAbs(x.Path) {
		return invalid(op, x.Path+" is no absolute path")
	}
	all, err := d.Exports(ctx)
	if err != nil {
		return err
	}
	for _, have := range all {
		switch {
		case have == x:
			return nil
		case have.ID == x.ID:
			return fault(sdk.Conflict, op, x.ID, "there is another export of this id")
		case (have.Path == "") != (x.Path == ""):
			return fault(sdk.Busy, op, x.ID, "the volume is exported as %s; NBD and FUSE exclude each other", kindOf(have))
		}
	}
	b, err := json.Marshal(x)
	if err == nil {
		err = os.WriteFile(d.exportFile(x.ID), b, 0o600)
	}
	if err == nil && x.Path != "" {
		err = mountPoint(x.Path)
	}
	if err != nil {
		return failed(op, x.ID, err)
	}
	return d.with(ctx, op, func(q *qmp) error {
		top, err := topNode(q)
		if err != nil {
			return err
		}
		return q.do("block-export-add", x.args(top), nil)
	})
}

func kindOf(x Export) string {
	if x.Path == "" {
		return "NBD"
	}
	return "FUSE"
}

func (x Export) args(node string) map[string]any {
	args := map[string]any{"id": x.ID, "node-name": node, "writable": x.Writable, "type": "nbd", "name": x.ID}
	if x.Path != "" {
		delete(args, "name")
		args["type"], args["mountpoint"], args["allow-other"] = "fuse", x.Path, "auto"
	}
	return args
}

// Close ends an export and drops its connections: when it returns, nobody can
// write through it any more. What is not there is done.
func (d *Daemon) Close(ctx context.Context, id string) error {
	const op = "end export"
	if !idForm.MatchString(id) {
		return nil
	}
	err := d.with(ctx, op, func(q *qmp) error { return remove(ctx, q, id) })
	if err != nil {
		return err
	}
	if err := os.Remove(d.exportFile(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(op, id, err)
	}
	return nil
}

// remove removes an export, and returns when the last request through it is over.
func remove(ctx context.Context, q *qmp, id string) error {
	for asked := false; ; asked = true {
		have, err := q.exports()
		if err != nil || !have[id] {
			return err
		}
		if !asked {
			if err := q.do("block-export-del", map[string]any{"id": id, "mode": "hard"}, nil); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}

// exports are the ids of all exports that are not wholly gone.
func (q *qmp) exports() (map[string]bool, error) {
	var all []struct {
		ID string `json:"id"`
	}
	if err := q.do("query-block-exports", nil, &all); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, x := range all {
		out[x.ID] = true
	}
	return out, nil
}

// Exports are those that there are.
func (d *Daemon) Exports(ctx context.Context) ([]Export, error) {
	var have map[string]bool
	err := d.with(ctx, "list exports", func(q *qmp) (err error) {
		have, err = q.exports()
		return err
	})
	if err != nil {
		return nil, err
	}
	recorded, err := exportsOf(d.dir)
	if err != nil {
		return nil, failed("list exports", d.dir, err)
	}
	var out []Export
	for _, x := range recorded {
		if have[x.ID] {
			out = append(out, x)
		}
	}
	return out, nil
}

// exportsOf are the exports that are recorded in a runtime directory.
func exportsOf(dir string) ([]Export, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []Export
	for _, entry := range entries {
		id, ok := strings.CutPrefix(entry.Name(), exportPrefix)
		if !ok {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		x := Export{}
		// One that was cut off was never added.
		if json.Unmarshal(b, &x) == nil && x.ID == id {
			out = append(out, x)
		}
	}
	return out, nil
}
