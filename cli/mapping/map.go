package mapping

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/mesoncloud/meson/core"
)

// Map makes the mapping and returns when it can be used. One that is active
// already is returned as it is, and one that is dead is made anew. Failed, it
// leaves nothing; killed, it leaves a mapping that is dead.
func (m *Mapper) Map(ctx context.Context, req Request) (Mapping, error) {
	const op = "map volume"
	subject := "volume " + req.Name
	if err := m.check(&req); err != nil {
		return Mapping{}, failed(op, subject, err)
	}
	b, err := newBackend(req.Connection, m.dir(req.ID))
	if err != nil {
		return Mapping{}, failed(op, subject, err)
	}
	var out Mapping
	err = m.locked(ctx, req.ID, func() error {
		have, err := m.look(req.ID)
		if err != nil {
			return err
		}
		if have != nil && have.State == Active {
			out = have.Mapping
			return nil
		}
		if have != nil {
			if err := m.clear(ctx, have); err != nil {
				return err
			}
		}
		out, err = m.make(ctx, req, b)
		return err
	})
	return out, failed(op, subject, err)
}

func (m *Mapper) check(req *Request) error {
	if !validID(req.ID) {
		return core.Errorf(core.Invalid, "id %q: want 1 to 20 of a-z, 0-9 and -", req.ID)
	}
	if n := len(m.socket(req.ID)); n > maxSocketPath {
		return core.Errorf(core.Invalid, "the path %s has %d bytes: a socket's has at most %d; choose a shorter directory", m.socket(req.ID), n, maxSocketPath)
	}
	if req.As == "" {
		req.As = AsFile
	}
	switch {
	case req.As != AsFile && req.As != AsNBD:
		return core.Errorf(core.Invalid, "form %q: want file or nbd", req.As)
	case req.As == AsNBD && req.File != "":
		return core.Errorf(core.Invalid, "a file is named, and the form is nbd")
	case req.As == AsNBD:
		return nil
	case req.File == "":
		req.File = filepath.Join(m.dir(req.ID), defaultFile)
		return nil
	}
	abs, err := filepath.Abs(req.File)
	if err != nil {
		return err
	}
	// What is mounted is known by its path without links.
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return &core.Error{Kind: core.NotFound, Text: "the file's directory", Err: err}
	}
	req.File = filepath.Join(dir, filepath.Base(abs))
	return nil
}

// make starts a daemon and has it show the volume.
func (m *Mapper) make(ctx context.Context, req Request, b backend) (_ Mapping, err error) {
	if err := os.MkdirAll(m.dir(req.ID), 0o700); err != nil {
		return Mapping{}, err
	}
	r := &record{Mapping: Mapping{
		ID: req.ID, Name: req.Name, VolumeID: req.VolumeID, Kind: req.Connection.Kind, As: req.As, File: req.File,
		ReadOnly: req.Connection.ReadOnly, Since: time.Now().UTC().Truncate(time.Second), State: Dead,
	}}
	defer func() {
		if err != nil {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
			defer cancel()
			err = errors.Join(err, m.clear(undo, r))
		}
	}()
	if req.As == AsFile {
		if _, err := os.Lstat(r.File); !errors.Is(err, os.ErrNotExist) {
			return Mapping{}, core.Errorf(core.Conflict, "%s is there already: want a path where nothing is", r.File)
		}
		r.Placed = true
	}
	if err := m.write(r); err != nil {
		return Mapping{}, err
	}
	if err := place(r); err != nil {
		return Mapping{}, err
	}
	for name, data := range b.Files {
		if err := m.writeFile(r.ID, name, data); err != nil {
			return Mapping{}, err
		}
	}
	pid, exited, err := m.startDaemon(r.ID)
	if err != nil {
		return Mapping{}, err
	}
	mon, err := dialMonitor(ctx, m.socket(r.ID), func() bool {
		select {
		case <-exited:
			return true
		default:
			return false
		}
	})
	if err != nil {
		return Mapping{}, &core.Error{Kind: core.Unavailable, Text: m.said(r.ID), Err: err}
	}
	defer mon.close()
	if err := m.show(ctx, mon, r, b); err != nil {
		return Mapping{}, err
	}
	r.PID, r.Made, r.State = pid, true, Active
	return r.Mapping, m.write(r)
}

// place makes the file on which the volume is shown. That it is ours is
// recorded before, so that it is found after a kill.
func place(r *record) error {
	if !r.Placed {
		return nil
	}
	f, err := os.OpenFile(r.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		r.Placed = false
		return err
	}
	return f.Close()
}

// show tells the daemon of the volume and has it exported.
func (m *Mapper) show(ctx context.Context, mon *monitor, r *record, b backend) error {
	for _, o := range b.Objects {
		if err := mon.call(ctx, "object-add", o, nil); err != nil {
			return err
		}
	}
	if err := mon.call(ctx, "blockdev-add", b.Node, nil); err != nil {
		return &core.Error{Kind: core.Unavailable, Text: "the volume is not reached", Err: err}
	}
	var nodes []struct {
		Name  string `json:"node-name"`
		Image struct {
			Size uint64 `json:"virtual-size"`
		} `json:"image"`
	}
	if err := mon.call(ctx, "query-named-block-nodes", map[string]any{"flat": true}, &nodes); err != nil {
		return err
	}
	for _, n := range nodes {
		if n.Name == nodeName {
			r.SizeBytes = n.Image.Size
		}
	}
	export := map[string]any{"id": "export", "node-name": nodeName, "writable": !r.ReadOnly}
	if r.As == AsNBD {
		path := filepath.Join(m.dir(r.ID), nbdSocket)
		r.URI = "nbd+unix:///volume?socket=" + url.QueryEscape(path)
		server := map[string]any{"addr": map[string]any{"type": "unix", "data": map[string]any{"path": path}}}
		if err := mon.call(ctx, "nbd-server-start", server, nil); err != nil {
			return err
		}
		export["type"], export["name"] = "nbd", "volume"
		return mon.call(ctx, "block-export-add", export, nil)
	}
	export["type"], export["mountpoint"] = "fuse", r.File
	if err := mon.call(ctx, "block-export-add", export, nil); err != nil {
		return &core.Error{
			Kind: core.Unsupported, Text: "this machine shows no files by FUSE: " + m.said(r.ID), Err: err,
			Hint: "it needs /dev/fuse and, without root, the package fuse3; NBD needs neither",
		}
	}
	return nil
}

// locked runs f while no other process does so for the same mapping. Mappings
// share a few locks, so that no lock is left for each.
func (m *Mapper) locked(ctx context.Context, id string, f func() error) error {
	if err := os.MkdirAll(m.opts.Dir, 0o700); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(id))
	lock := flock.New(filepath.Join(m.opts.Dir, fmt.Sprintf(".lock-%x", sum[0]%16)), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return &core.Error{Kind: core.Busy, Text: "another command is at it", Err: err}
	}
	defer func() { _ = lock.Close() }()
	return f()
}
