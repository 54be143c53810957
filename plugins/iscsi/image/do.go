package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

const opChange = "change volume"

// dyingPatience is how long the children of a killed process may hold locks.
const dyingPatience = 3 * time.Second

// Do makes a change, or finishes it; see the package comment. The context ends
// the work, which may then be repeated.
func (e *Engine) Do(ctx context.Context, v Volume, c Change) (Layout, error) {
	if !idForm.MatchString(c.ID) {
		return Layout{}, invalid(opChange, "change id "+c.ID+": want letters, digits and hyphens, at most 64")
	}
	if err := v.Layout.Check(); err != nil {
		return Layout{}, err
	}
	next, err := e.after(v, c)
	if err != nil {
		return Layout{}, err
	}
	begun, err := exists(aside{v.Dir, c.ID}.begun())
	if err != nil {
		return Layout{}, failed(opChange, v.Dir, err)
	}
	if !begun {
		if err := v.verify(); err != nil {
			return Layout{}, err
		}
		err := errors.Join(tidy(v.Dir, c.ID), touch(aside{v.Dir, c.ID}.begun()), syncDir(v.Dir))
		if err != nil {
			return Layout{}, failed(opChange, v.Dir, err)
		}
	}
	e.opt.Step("begun")
	if v.Daemon != nil {
		if err := v.Daemon.aliases(v); err != nil {
			return Layout{}, failed(opChange, v.Dir, err)
		}
	}
	err = failed(opChange, v.Dir, e.work(ctx, v, c, next))
	// What the call before had started may still be dying, with its locks.
	for until := time.Now().Add(dyingPatience); begun && sdk.KindOf(err) == sdk.Busy && time.Now().Before(until) && ctx.Err() == nil; {
		time.Sleep(20 * time.Millisecond)
		err = failed(opChange, v.Dir, e.work(ctx, v, c, next))
	}
	if err == nil {
		e.opt.Log.Debug("volume changed", "dir", v.Dir, "op", c.Op, "layer", c.Layer, "change", c.ID)
		return next, nil
	}
	switch sdk.KindOf(err) {
	case sdk.Invalid, sdk.NotFound, sdk.Busy, sdk.Conflict:
		if begun {
			return Layout{}, &sdk.Error{
				Kind: sdk.Uncertain, Op: opChange, Subject: v.Dir, Source: sdk.SourceProvider,
				Text: "it was begun before and cannot be finished now", Err: err,
			}
		}
		_ = tidy(v.Dir, "")
	}
	return Layout{}, err
}

// after is the layout after a change, which the present one and the change alone
// decide; an error says why the change cannot be.
func (e *Engine) after(v Volume, c Change) (Layout, error) {
	next := v.Layout
	next.Layers = slices.Clone(next.Layers)
	at := slices.IndexFunc(next.Layers, func(x Layer) bool { return x.ID == c.Layer })
	switch c.Op {
	case OpSnapshot:
		if !idForm.MatchString(c.Layer) || layerFile(c.Layer) == v.Layout.Active() {
			return next, invalid(opChange, fmt.Sprintf("layer %q: want an id of letters, digits and hyphens, at most 64", c.Layer))
		}
		if at >= 0 {
			return next, fault(sdk.Conflict, opChange, v.Dir, "there is a layer %s already", c.Layer)
		}
		if v.Layout.Full() {
			return next, fault(sdk.Busy, opChange, v.Dir, "its chain of %d files must be shortened first", v.Layout.Depth())
		}
		next.Layers = append(next.Layers, Layer{
			ID: c.Layer, Format: next.Format, Parent: next.Parent, Snapshot: !c.Hidden, SizeBytes: next.SizeBytes,
		})
		next.Parent, next.Format = c.Layer, QCOW2
		return next, nil
	case OpResize:
		if err := e.checkSize(opChange, c.SizeBytes); err != nil {
			return next, err
		}
		if c.SizeBytes < next.SizeBytes {
			return next, invalid(opChange, fmt.Sprintf("size of %d bytes: a volume of %d only grows", c.SizeBytes, next.SizeBytes))
		}
		next.SizeBytes = c.SizeBytes
		return next, nil
	case OpConvert:
		if !c.Format.Valid() {
			return next, invalid(opChange, fmt.Sprintf("format %q: want raw or qcow2", c.Format))
		}
		next.Format, next.Parent = c.Format, ""
		return next, still(v, c)
	case OpPull:
		return next, pulled(&next, c, at)
	}
	if at < 0 {
		return next, fault(sdk.NotFound, opChange, v.Dir, "there is no layer %s", c.Layer)
	}
	switch c.Op {
	case OpRevert:
		next.SizeBytes = max(next.SizeBytes, next.Layers[at].SizeBytes)
		next.Format, next.Parent = QCOW2, c.Layer
		return next, still(v, c)
	case OpRemove:
		if children, active := next.Children(c.Layer); active || len(children) > 0 {
			return next, fault(sdk.Busy, opChange, v.Dir, "something stands on layer %s", c.Layer)
		}
		next.Layers = slices.Delete(next.Layers, at, at+1)
		return next, nil
	case OpPush:
		return next, pushed(&next, v, c, at)
	}
	return next, invalid(opChange, fmt.Sprintf("op %q is not known", c.Op))
}

func still(v Volume, c Change) error {
	if v.Daemon != nil {
		return fault(sdk.Busy, opChange, v.Dir, "%s is not done to a running volume", c.Op)
	}
	return nil
}

func pulled(next *Layout, c Change, at int) error {
	from := &next.Parent
	if c.Layer != "" {
		if at < 0 {
			return fault(sdk.NotFound, opChange, c.Layer, "there is no such layer")
		}
		from = &next.Layers[at].Parent
	}
	below := ids(next.Below(*from))
	if *from == "" || *from == c.Base || (c.Base != "" && !slices.Contains(below, c.Base)) {
		return fault(sdk.Invalid, opChange, c.Layer, "there is nothing between it and %q", c.Base)
	}
	*from = c.Base
	return nil
}

func pushed(next *Layout, v Volume, c Change, at int) error {
	layer := next.Layers[at]
	children, active := next.Children(c.Layer)
	switch {
	case layer.Snapshot:
		return fault(sdk.Busy, opChange, v.Dir, "layer %s is a snapshot", c.Layer)
	case c.Child == "" && (!active || len(children) > 0), c.Child != "" && (active || len(children) != 1 || children[0].ID != c.Child):
		return fault(sdk.Invalid, opChange, v.Dir, "%q is not the one child of layer %s", c.Child, c.Layer)
	case c.Child == "":
		if err := still(v, c); err != nil {
			return err
		}
		next.Format, next.Parent = layer.Format, layer.Parent
	case children[0].Format != layer.Format:
		// What stands on the child says in its header what format it has.
		return fault(sdk.Invalid, opChange, v.Dir, "layers %s and %s differ in format", c.Layer, c.Child)
	default:
		i := slices.IndexFunc(next.Layers, func(x Layer) bool { return x.ID == c.Child })
		next.Layers[i].Parent = layer.Parent
	}
	next.Layers = slices.Delete(next.Layers, at, at+1)
	return nil
}

func (e *Engine) work(ctx context.Context, v Volume, c Change, next Layout) error {
	switch c.Op {
	case OpSnapshot:
		return e.snapshot(ctx, v, c)
	case OpRevert:
		on, _ := v.Layout.Layer(c.Layer)
		return e.exchange(v, c, func(path string) error { return e.overlay(ctx, opChange, path, on, next.SizeBytes) })
	case OpConvert:
		return e.exchange(v, c, func(path string) error {
			if c.File != "" {
				return os.Rename(c.File, path)
			}
			return e.convert(ctx, v, "", path, c.Format, bounds{}, nil)
		})
	case OpResize:
		return e.resize(ctx, v, c)
	case OpPull:
		return e.pull(ctx, v, c)
	case OpPush:
		return e.push(ctx, v, c)
	default:
		return e.remove(ctx, v, c)
	}
}

// exchange replaces the active file of a volume that is not running.
func (e *Engine) exchange(v Volume, c Change, build func(string) error) error {
	if err := unused(v.active()); err != nil {
		return err
	}
	return e.replace(v, c, v.active(), build)
}

// unused is Busy if somebody has the file open for writing.
func unused(path string) error {
	use, err := InUse(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && !use.Writing {
		return nil
	}
	if err != nil {
		return err
	}
	return fault(sdk.Busy, opChange, path, "is open for writing")
}
