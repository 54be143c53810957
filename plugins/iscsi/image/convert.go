package image

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mesoncloud/meson/sdk"
)

// convert writes what the layer id (empty: the active file) holds to a new file
// that stands alone.
func (e *Engine) convert(ctx context.Context, v Volume, id, to string, format Format, b bounds, percent func(float64)) error {
	return e.convertNode(ctx, v.path(id), v.tree(id), to, format, b, percent)
}

func (e *Engine) convertNode(ctx context.Context, subject string, from node, to string, format Format, b bounds, percent func(float64)) error {
	if found, err := exists(to); err != nil || found {
		return errors.Join(err, fault(sdk.Conflict, opChange, to, "is there already"))
	}
	args := []string{"convert", "-q", "-O", string(format)}
	if percent != nil {
		args[1] = "-p"
	}
	if format == QCOW2 {
		args = append(args, "-o", overlayOptions)
	}
	err := e.qemuImg(ctx, "convert volume", subject, b, percent, append(args, "--", "json:"+from.json(), to)...)
	if err == nil {
		err = errors.Join(os.Chmod(to, activeMode), syncFile(to))
	}
	if err != nil {
		_ = os.Remove(to)
	}
	return err
}

// extend lets a file that nobody uses grow.
func (e *Engine) extend(ctx context.Context, path string, format Format, sizeBytes uint64) error {
	if format == Raw {
		return os.Truncate(path, int64(sizeBytes))
	}
	n := fileNode(filepath.Dir(path), filepath.Base(path), QCOW2, false)
	return e.qemuImg(ctx, "resize volume", path, bounds{}, nil, "resize", "-q", "json:"+n.json(), itoa(sizeBytes))
}

// Clone makes in dir, which exists and nobody sees yet, a volume that holds what
// the layer id of v does, in constant time: hard links to that layer and those
// below it, and a new overlay. To clone a volume as it is, freeze it first (a
// Snapshot change, Hidden). The origin's lock must be held. Unsupported: dir is on
// another filesystem, or on one without hard links; use Copy then. sizeBytes 0 is
// the layer's size, otherwise at least that.
func (e *Engine) Clone(ctx context.Context, v Volume, id, dir string, sizeBytes uint64) (Layout, error) {
	const op = "clone volume"
	if err := v.Layout.Check(); err != nil {
		return Layout{}, err
	}
	from, ok := v.Layout.Layer(id)
	if !ok {
		return Layout{}, fault(sdk.NotFound, op, v.Dir, "there is no layer %q", id)
	}
	if sizeBytes == 0 {
		sizeBytes = from.SizeBytes
	}
	if err := e.checkSize(op, sizeBytes); err != nil {
		return Layout{}, err
	}
	if sizeBytes < from.SizeBytes {
		return Layout{}, invalid(op, "size of "+itoa(sizeBytes)+" bytes: the original has "+itoa(from.SizeBytes))
	}
	out := Layout{Format: QCOW2, SizeBytes: sizeBytes, Parent: id}
	for _, x := range v.Layout.Below(id) {
		if err := verifyFile(v.path(x.ID), x.Format, x.Parent); err != nil {
			return Layout{}, err
		}
		err := os.Link(v.path(x.ID), filepath.Join(dir, x.File()))
		for _, cannot := range []error{syscall.EXDEV, syscall.EPERM, syscall.EOPNOTSUPP, syscall.EMLINK} {
			if errors.Is(err, cannot) {
				return Layout{}, &sdk.Error{
					Kind: sdk.Unsupported, Op: op, Subject: dir, Text: "no thin clone can be there", Source: sdk.SourceProvider, Err: err,
					Hint: "thin clones are for one filesystem that has hard links; make a full copy",
				}
			}
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return Layout{}, failed(op, dir, err)
		}
		// Nobody asked for it here.
		x.Snapshot = false
		out.Layers = append(out.Layers, x)
	}
	path := filepath.Join(dir, DataFile)
	if err := e.overlay(ctx, op, path, from, sizeBytes); err != nil {
		return Layout{}, err
	}
	return out, failed(op, dir, errors.Join(syncFile(path), syncDir(dir)))
}

// Copy makes in dir, which exists and nobody sees yet, a volume that holds what v
// or a layer of it does and shares nothing with it. Without a Layer, Busy if the
// volume is open for writing. The context ends it. It is Read, Copy and Close in one,
// for who needs no lock.
func (e *Engine) Copy(ctx context.Context, v Volume, dir string, opt CopyOptions) (Layout, error) {
	r, err := e.Read(ctx, v, ReadOptions{Layer: opt.Layer})
	if err != nil {
		return Layout{}, err
	}
	out, err := r.Copy(ctx, dir, opt)
	if err := errors.Join(err, r.Close()); err != nil {
		return Layout{}, err
	}
	return out, nil
}
