package image

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Conclude brings a merge, or an OpConvert, that was begun to the end that is nearer,
// in a short time, whoever began it: made, with the Layout after it, or undone, with
// the Layout that is. It is called in the place of Do. What an undone OpPush has copied
// stays in the layer it was to be pushed into, whose own bytes are lost by that;
// nothing else that stands on it reads otherwise. An error leaves it as it was, to be
// concluded again.
func (e *Engine) Conclude(ctx context.Context, v Volume, c Change) (after Layout, made bool, err error) {
	a := aside{v.Dir, c.ID}
	begun, err := exists(a.begun())
	if err != nil || !begun {
		return v.Layout, false, failed(opChange, v.Dir, err)
	}
	next, err := e.after(v, c)
	if err != nil {
		return v.Layout, false, err
	}
	if v.Daemon != nil {
		if err := v.Daemon.aliases(v); err != nil {
			return v.Layout, false, failed(opChange, v.Dir, err)
		}
	}
	if err := e.quiet(ctx, v, c); err != nil {
		return v.Layout, false, err
	}
	near, err := e.near(ctx, v, c)
	if err == nil && near {
		err = e.work(ctx, v, c, next)
	} else if err == nil {
		err = e.undo(v, c)
	}
	if err != nil {
		return v.Layout, false, failed(opChange, v.Dir, err)
	}
	if !near {
		e.opt.Step("undone")
		return v.Layout, false, nil
	}
	return next, true, nil
}

// near reports whether less is left of a merge than is done; what runs of it in a
// daemon is ended.
func (e *Engine) near(ctx context.Context, v Volume, c Change) (bool, error) {
	switch {
	case c.Op == OpRemove:
		return true, nil
	case c.Op == OpPull && c.Layer != "", c.Op == OpConvert:
		return exists(aside{v.Dir, c.ID}.ready())
	case c.Op == OpPull:
		return v.pulledTo(c.Base)
	}
	there, err := exists(v.path(c.Layer))
	if err != nil || !there || v.Daemon == nil || !v.runs(c.Child) {
		return !there, err
	}
	if err := v.Daemon.cancel(ctx, opChange, "c-"+c.ID); err != nil && !errors.Is(err, errCancelled) {
		return false, err
	}
	// Where the job came to its end, the daemon does not have the child any more.
	top, err := nodeName(v.path(c.Child))
	if err != nil {
		return false, err
	}
	done := false
	err = v.Daemon.with(ctx, opChange, func(q *qmp) error {
		done, err = apart(q, top)
		return err
	})
	return done, err
}

// pulledTo reports whether the active file names a base in its header, which is the
// last thing that OpPull changes, or still what it is recorded to stand on.
func (v Volume) pulledTo(base string) (bool, error) {
	h, err := readHeader(v.active())
	if err != nil {
		return false, err
	}
	file := func(id string) string {
		if id == "" {
			return ""
		}
		return layerFile(id)
	}
	if h.own(file(base)) == nil {
		return true, nil
	}
	if err := h.own(file(v.Layout.Parent)); err != nil {
		return false, &sdk.Error{Kind: sdk.Invalid, Op: opChange, Subject: v.active(), Source: sdk.SourceProvider, Err: err}
	}
	return false, nil
}

// undo takes away what a merge has left that is not to be made.
func (e *Engine) undo(v Volume, c Change) error {
	if err := os.Remove(aside{v.Dir, c.ID}.fresh()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if c.Op == OpPush {
		if err := os.Chmod(v.path(c.Layer), frozenMode); err != nil {
			return err
		}
	}
	return syncDir(v.Dir)
}

// quiet waits until the children of who was killed write nothing any more.
func (e *Engine) quiet(ctx context.Context, v Volume, c Change) error {
	written := v.active()
	switch {
	case c.Op == OpPush && (v.Daemon == nil || !v.runs(c.Child)):
		written = v.path(c.Layer)
	case c.Op != OpPull || c.Layer != "":
		return nil
	}
	for until := time.Now().Add(dyingPatience); ; {
		err := unused(written)
		if sdk.KindOf(err) != sdk.Busy || time.Now().After(until) || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}
