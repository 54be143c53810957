package image

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/mesoncloud/meson/sdk"
)

// frozenMode is of files that nobody is to write.
const frozenMode, activeMode = 0o400, 0o600

// snapshot gives the active file a second name, that of the layer, and replaces
// the first by an empty overlay of it. At every instant the folder read by its
// names holds all the volume has. A daemon goes on writing to the old file until
// it is told, in one transaction, to write to the overlay: it was put in place
// before, so a daemon that dies at any instant is started anew on all that it has
// acknowledged.
func (e *Engine) snapshot(ctx context.Context, v Volume, c Change) error {
	frozen := v.path(c.Layer)
	done, err := replaced(v, c)
	if err != nil {
		return err
	}
	if v.Daemon == nil {
		if err := errors.Join(unused(v.active()), unused(frozen)); err != nil {
			return err
		}
	}
	if !done {
		if err := e.freeze(v, c, frozen); err != nil {
			return err
		}
		if v.Daemon != nil {
			// Before the file loses its first name.
			if _, err := alias(v.Daemon.dir, frozen); err != nil {
				return err
			}
		}
		on := Layer{ID: c.Layer, Format: v.Layout.Format}
		err := e.replace(v, c, v.active(), func(path string) error { return e.overlay(ctx, opChange, path, on, v.Layout.SizeBytes) })
		if err != nil {
			return errors.Join(err, e.thaw(v, c, frozen))
		}
	}
	if v.Daemon != nil {
		if err := v.Daemon.switchTo(ctx, v, frozen); err != nil {
			return err
		}
		e.opt.Step("switched")
	}
	return os.Chmod(frozen, frozenMode)
}

// freeze gives the active file its second name.
func (e *Engine) freeze(v Volume, c Change, frozen string) error {
	err := os.Link(v.active(), frozen)
	if errors.Is(err, fs.ErrExist) {
		var a, b os.FileInfo
		if a, err = os.Lstat(v.active()); err == nil {
			if b, err = os.Lstat(frozen); err == nil && !os.SameFile(a, b) {
				err = fault(sdk.Conflict, opChange, frozen, "is there and belongs to nothing that is recorded")
			}
		}
	}
	if err != nil {
		return failed(opChange, frozen, err)
	}
	e.opt.Step("linked")
	return nil
}

// thaw takes the second name away, where the first is still the same file's.
func (e *Engine) thaw(v Volume, c Change, frozen string) error {
	ready, err := exists(aside{v.Dir, c.ID}.ready())
	if err != nil || ready {
		return err
	}
	return os.Remove(frozen)
}

// switchTo makes the daemon write to the volume's active file, an empty overlay
// of the file that it writes to now.
func (d *Daemon) switchTo(ctx context.Context, v Volume, frozen string) error {
	active, err := alias(d.dir, v.active())
	if err != nil {
		return err
	}
	below, err := alias(d.dir, frozen)
	if err != nil {
		return err
	}
	return d.with(ctx, opChange, func(q *qmp) error {
		nodes, err := allNodes(q)
		if err != nil {
			return err
		}
		if !nodes[active] {
			if err := q.do("blockdev-add", layerNode(d.dir, active, QCOW2, false), nil); err != nil {
				return err
			}
		}
		if top, err := topNodes(q); err != nil || !slices.Contains(top, below) {
			return err
		}
		return q.do("transaction", map[string]any{"actions": []any{map[string]any{
			"type": "blockdev-snapshot", "data": map[string]any{"node": below, "overlay": active},
		}}}, nil)
	})
}

// resize lets the volume grow. NBD clients are told a size once, when they
// connect, so QEMU wants them gone: their exports are closed and opened again.
func (e *Engine) resize(ctx context.Context, v Volume, c Change) error {
	if v.Daemon != nil {
		return v.Daemon.grow(ctx, v, c.SizeBytes)
	}
	if v.Layout.Format == QCOW2 {
		n := fileNode(v.Dir, v.Layout.Active(), QCOW2, false)
		args := []string{"resize", "-q", "json:" + n.json(), itoa(c.SizeBytes)}
		return errors.Join(e.qemuImg(ctx, opChange, v.active(), bounds{}, nil, args...), syncFile(v.active()))
	}
	hold, err := Hold(v.active())
	if err != nil {
		return err
	}
	defer hold.Close()
	return errors.Join(hold.Truncate(int64(c.SizeBytes)), hold.Sync())
}

func (d *Daemon) grow(ctx context.Context, v Volume, sizeBytes uint64) error {
	all, err := exportsOf(d.dir)
	if err != nil {
		return err
	}
	return d.with(ctx, opChange, func(q *qmp) error {
		have, err := q.exports()
		if err != nil {
			return err
		}
		name, err := nodeName(v.active())
		if err != nil {
			return err
		}
		for _, x := range all {
			if have[x.ID] && x.Path == "" {
				if err := remove(ctx, q, x.ID); err != nil {
					return err
				}
			}
		}
		errs := []error{q.do("block_resize", map[string]any{"node-name": name, "size": sizeBytes}, nil)}
		for _, x := range all {
			if have[x.ID] && x.Path == "" {
				errs = append(errs, q.do("block-export-add", x.args(name), nil))
			}
		}
		return errors.Join(errs...)
	})
}
