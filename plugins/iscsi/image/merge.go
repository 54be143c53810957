package image

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/mesoncloud/meson/sdk"
)

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

// within runs f on a daemon that has the chain from the layer top (empty: the
// active file) downwards open: the volume's own, or one for the purpose.
func (e *Engine) within(ctx context.Context, v Volume, top string, f func(*Daemon) error) error {
	if v.Daemon != nil && v.runs(top) {
		return f(v.Daemon)
	}
	return e.temporary(ctx, v, top, false, nil, f)
}

// runs reports whether a daemon that serves the volume has a layer open.
func (v Volume) runs(id string) bool {
	return id == "" || slices.ContainsFunc(v.Layout.Below(v.Layout.Parent), func(x Layer) bool { return x.ID == id })
}

// pull copies data upwards. The active file of a volume that is not running is
// changed in place: it reads the same at every instant, and its header is changed
// last. A frozen file is not touched, it may be a clone's as well: a copy that
// stands on the base takes its place, and a daemon is told to read that one.
//
// QEMU's own job for it, block-stream, is not used: in version 7.2 it aborts the
// daemon on images with extended L2 (bdrv_co_do_copy_on_readv).
func (e *Engine) pull(ctx context.Context, v Volume, c Change) error {
	base, _ := v.Layout.Layer(c.Base)
	args := []string{"rebase", "-q", "-f", "qcow2", "-b", ""}
	if c.Base != "" {
		args = []string{"rebase", "-q", "-f", "qcow2", "-F", string(base.Format), "-b", base.File()}
	}
	if c.Layer == "" {
		if v.Daemon != nil {
			return still(v, c)
		}
		if err := e.rebase(ctx, v.active(), args); err != nil {
			return err
		}
		e.opt.Step("pulled")
		return syncFile(v.active())
	}
	frozen := v.path(c.Layer)
	err := e.replace(v, c, frozen, func(path string) error {
		if err := copyFile(ctx, path, frozen); err != nil {
			return err
		}
		return errors.Join(e.rebase(ctx, path, args), os.Chmod(path, frozenMode))
	})
	if err != nil || v.Daemon == nil {
		return err
	}
	err = v.Daemon.swap(ctx, v, c)
	e.opt.Step("swapped")
	return err
}

func (e *Engine) rebase(ctx context.Context, path string, args []string) error {
	defer trickle(path)()
	return e.qemuImg(ctx, opChange, path, bounds{}, nil, append(args, path)...)
}

// swap makes the daemon read a frozen layer, if it does read that layer, from the
// file that now has its name and stands on the base.
func (d *Daemon) swap(ctx context.Context, v Volume, c Change) error {
	chain := append([]string{""}, ids(v.Layout.Below(v.Layout.Parent))...)
	at := slices.Index(chain, c.Layer)
	if at < 0 {
		return nil
	}
	name, err := alias(d.dir, v.path(c.Layer))
	if err != nil {
		return err
	}
	above, err := alias(d.dir, v.path(chain[at-1]))
	if err != nil {
		return err
	}
	active, err := alias(d.dir, v.active())
	if err != nil {
		return err
	}
	fresh := layerNode(d.dir, name, QCOW2, true)
	if c.Base != "" {
		if fresh["backing"], err = alias(d.dir, v.path(c.Base)); err != nil {
			return err
		}
	}
	err = d.with(ctx, opChange, func(q *qmp) error {
		nodes, err := allNodes(q)
		if err != nil {
			return err
		}
		if !nodes[name] {
			if err := q.do("blockdev-add", fresh, nil); err != nil {
				return err
			}
		}
		again := layerNode(d.dir, above, QCOW2, above != active)
		again["file"], again["backing"] = fileNodeName(above), name
		return q.do("blockdev-reopen", map[string]any{"options": []any{again}}, nil)
	})
	if err != nil {
		return err
	}
	return d.prune(ctx, active)
}

// push copies data down into a layer that nobody asks for, whose file then takes
// the name of what stood on it. Until then, the copied data is hidden by what it
// was copied from.
func (e *Engine) push(ctx context.Context, v Volume, c Change) error {
	into, child := v.path(c.Layer), v.path(c.Child)
	there, err := exists(into)
	if err != nil {
		return err
	}
	if there {
		if err := private(into); err != nil {
			return err
		}
		if err := os.Chmod(into, activeMode); err != nil {
			return err
		}
		if err := e.commit(ctx, v, c, into, child); err != nil {
			return err
		}
		e.opt.Step("pushed")
		if err := errors.Join(syncFile(into), os.Rename(into, child)); err != nil {
			return err
		}
		e.opt.Step("renamed")
	}
	if v.Daemon != nil {
		if _, err := alias(v.Daemon.dir, child); err != nil {
			return err
		}
	}
	if c.Child != "" {
		err = os.Chmod(child, frozenMode)
	}
	return errors.Join(err, syncDir(v.Dir))
}

func (e *Engine) commit(ctx context.Context, v Volume, c Change, into, child string) error {
	if v.Daemon == nil {
		if err := unused(child); err != nil {
			return err
		}
	}
	top, err := nodeName(child)
	if err != nil {
		return err
	}
	base, err := nodeName(into)
	if err != nil {
		return err
	}
	defer trickle(into)()
	return e.within(ctx, v, c.Child, func(d *Daemon) error {
		args := map[string]any{
			"job-id": "c-" + c.ID, "device": top, "top-node": top, "base-node": base, "auto-dismiss": false,
		}
		if e.opt.MergeSpeed > 0 {
			args["speed"] = e.opt.MergeSpeed
		}
		if d != v.Daemon {
			return d.job(ctx, opChange, c.ID, e.jobStep("pushing"), func(q *qmp) error { return q.do("block-commit", args, nil) })
		}
		active, err := nodeName(v.active())
		if err != nil {
			return err
		}
		args["device"] = active
		// What stands on the child goes on to name it.
		args["backing-file"] = layerFile(c.Child)
		err = d.job(ctx, opChange, c.ID, e.jobStep("pushing"), func(q *qmp) error {
			if done, err := apart(q, top); err != nil || done {
				return errors.Join(err, errNoJob)
			}
			return q.do("block-commit", args, nil)
		})
		if err != nil {
			return err
		}
		return d.prune(ctx, active)
	})
}

// remove deletes a layer's file.
func (e *Engine) remove(ctx context.Context, v Volume, c Change) error {
	path := v.path(c.Layer)
	if v.Daemon != nil {
		name, err := nodeName(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := v.Daemon.forget(ctx, name); err != nil {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(v.Dir)
}

// private is an error for a file that other folders have links to.
func private(path string) error {
	st, err := stat(path)
	if err == nil && st.Nlink > 1 {
		err = fault(sdk.Invalid, opChange, path, "is a clone's as well, and never written")
	}
	return err
}

func (e *Engine) jobStep(name string) func(float64) {
	return func(float64) { e.opt.Step(name) }
}
