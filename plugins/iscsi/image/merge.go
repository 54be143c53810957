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
	running := slices.ContainsFunc(v.Layout.Below(v.Layout.Parent), func(x Layer) bool { return x.ID == top })
	if v.Daemon != nil && (top == "" || running) {
		return f(v.Daemon)
	}
	return e.temporary(ctx, v, top, false, f)
}

// pull copies data upwards into a file; no reader of it sees a difference at any
// time, and the file's header is changed last.
func (e *Engine) pull(ctx context.Context, v Volume, c Change) error {
	into := v.path(c.Layer)
	if c.Layer != "" {
		if err := private(into); err != nil {
			return err
		}
		if err := os.Chmod(into, activeMode); err != nil {
			return err
		}
	}
	err := e.within(ctx, v, c.Layer, func(d *Daemon) error {
		device, err := nodeName(into)
		if err != nil {
			return err
		}
		args := map[string]any{
			"job-id": "c-" + c.ID, "device": device, "auto-dismiss": false,
		}
		if c.Base != "" {
			if args["base-node"], err = nodeName(v.path(c.Base)); err != nil {
				return err
			}
			args["backing-file"] = layerFile(c.Base)
		}
		err = d.job(ctx, opChange, c.ID, e.jobStep("pulling"), func(q *qmp) error { return q.do("block-stream", args, nil) })
		if err != nil || d != v.Daemon {
			return err
		}
		active, err := nodeName(v.active())
		if err != nil {
			return err
		}
		return d.prune(ctx, active)
	})
	if err != nil {
		return err
	}
	e.opt.Step("pulled")
	if c.Layer != "" {
		err = os.Chmod(into, frozenMode)
	}
	return errors.Join(err, syncFile(into))
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
	return e.within(ctx, v, c.Child, func(d *Daemon) error {
		args := map[string]any{
			"job-id": "c-" + c.ID, "device": top, "top-node": top, "base-node": base, "auto-dismiss": false,
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
		if done, err := d.apart(ctx, top); err != nil || done {
			return errors.Join(err, d.prune(ctx, active))
		}
		err = d.job(ctx, opChange, c.ID, e.jobStep("pushing"), func(q *qmp) error { return q.do("block-commit", args, nil) })
		if err != nil {
			return err
		}
		return d.prune(ctx, active)
	})
}

// apart reports whether nothing stands on a node, or it is not there.
func (d *Daemon) apart(ctx context.Context, name string) (done bool, err error) {
	err = d.with(ctx, opChange, func(q *qmp) error {
		nodes, err := allNodes(q)
		if err != nil {
			return err
		}
		top, err := topNodes(q)
		_, there := nodes[name]
		done = !there || slices.Contains(top, name)
		return err
	})
	return done, err
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

// forget closes a node on which nothing stands, if it is there.
func (d *Daemon) forget(ctx context.Context, name string) error {
	return d.with(ctx, opChange, func(q *qmp) error {
		nodes, err := allNodes(q)
		if err != nil {
			return err
		}
		if _, ok := nodes[name]; !ok {
			return nil
		}
		return q.do("blockdev-del", map[string]any{"node-name": name}, nil)
	})
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

// keptFiles is how many files of a long chain are left below the active one.
const keptFiles = MaxDepth / 2

// smallBytes may be copied into a running volume without a second thought.
const smallBytes = 64 << 20

// Plan is the next change by which the volume's files become fewer: layers that
// nobody asks for are merged or removed, and a chain of MaxDepth files or more is
// shortened. It has no ID yet. False: there is nothing to do, now. Such changes
// may take long; they belong in the background.
func (e *Engine) Plan(v Volume) (Change, bool, error) {
	for _, x := range v.Layout.Layers {
		if x.Snapshot {
			continue
		}
		children, active := v.Layout.Children(x.ID)
		switch {
		case len(children) == 0 && !active:
			return Change{Op: OpRemove, Layer: x.ID}, true, nil
		case len(children) == 1 && !active, len(children) == 0 && active:
			child := Layer{Format: v.Layout.Format}
			if !active {
				child = children[0]
			}
			c, ok, err := v.planMerge(x, child)
			if err != nil || ok {
				return c, ok, err
			}
		}
	}
	if below := v.Layout.Below(v.Layout.Parent); len(below)+1 >= MaxDepth {
		return Change{Op: OpPull, Base: below[len(below)-keptFiles].ID}, true, nil
	}
	return Change{}, false, nil
}

// planMerge chooses the cheaper direction of those that are possible; child has no
// ID if it is the active file.
func (v Volume) planMerge(x, child Layer) (Change, bool, error) {
	st, err := stat(v.path(x.ID))
	if err != nil {
		return Change{}, false, failed("plan", v.Dir, err)
	}
	above, err := stat(v.path(child.ID))
	if err != nil {
		return Change{}, false, failed("plan", v.Dir, err)
	}
	up, down := usedBytes(st), usedBytes(above)
	mayPush := st.Nlink == 1
	mayPull := above.Nlink == 1
	if child.ID != "" {
		mayPush = mayPush && child.Format == x.Format
	} else if v.Daemon != nil {
		mayPush, mayPull = false, mayPull && up <= max(smallBytes, down)
	}
	switch {
	case mayPush && (down <= up || !mayPull):
		return Change{Op: OpPush, Layer: x.ID, Child: child.ID}, true, nil
	case mayPull:
		return Change{Op: OpPull, Layer: child.ID, Base: x.Parent}, true, nil
	}
	return Change{}, false, nil
}
