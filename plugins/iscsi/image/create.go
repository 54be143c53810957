package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mesoncloud/meson/sdk"
)

// Create makes the blank active file of a new volume in dir, which exists and
// nobody sees yet: sparse raw, or qcow2 with 128 KiB clusters and extended L2.
func (e *Engine) Create(ctx context.Context, dir string, opt CreateOptions) (Layout, error) {
	const op = "create volume"
	if err := e.checkSize(op, opt.SizeBytes); err != nil {
		return Layout{}, err
	}
	path := filepath.Join(dir, DataFile)
	if err := e.blank(ctx, op, path, opt.Format, opt.SizeBytes); err != nil {
		return Layout{}, err
	}
	if err := errors.Join(syncFile(path), syncDir(dir)); err != nil {
		return Layout{}, failed(op, path, err)
	}
	return Layout{Format: opt.Format, SizeBytes: opt.SizeBytes}, nil
}

func (e *Engine) checkSize(op string, n uint64) error {
	if n == 0 || n%512 != 0 || n > e.opt.MaxVirtualBytes {
		return invalid(op, fmt.Sprintf("size of %d bytes: want a multiple of 512 up to %d", n, e.opt.MaxVirtualBytes))
	}
	return nil
}

// blank makes a new file of zeros.
func (e *Engine) blank(ctx context.Context, op, path string, format Format, sizeBytes uint64) error {
	switch format {
	case Raw:
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return failed(op, path, err)
		}
		return failed(op, path, errors.Join(f.Truncate(int64(sizeBytes)), f.Close()))
	case QCOW2:
		return e.qcow2(ctx, op, path, sizeBytes)
	}
	return invalid(op, fmt.Sprintf("format %q: want raw or qcow2", format))
}

// qcow2 makes a qcow2, with further arguments of qemu-img create.
func (e *Engine) qcow2(ctx context.Context, op, path string, sizeBytes uint64, more ...string) error {
	if found, err := exists(path); err != nil || found {
		return failed(op, path, errors.Join(err, fault(sdk.Conflict, op, path, "is there already")))
	}
	args := append([]string{"create", "-q", "-f", "qcow2", "-o", overlayOptions}, more...)
	err := e.qemuImg(ctx, op, path, bounds{}, nil, append(args, "--", path, strconv.FormatUint(sizeBytes, 10))...)
	if err == nil {
		err = failed(op, path, os.Chmod(path, 0o600))
	}
	return err
}

// overlay makes an empty qcow2 that stands on a layer in the same folder.
func (e *Engine) overlay(ctx context.Context, op, path string, on Layer, sizeBytes uint64) error {
	return e.qcow2(ctx, op, path, sizeBytes, "-u", "-b", on.File(), "-F", string(on.Format))
}

// verify holds the files against the layout: each is a file of this folder, a
// qcow2 stands on what it is recorded to stand on, and keeps nothing elsewhere.
func (v Volume) verify() error {
	const op = "open volume"
	if !filepath.IsAbs(v.Dir) {
		return invalid(op, "the folder "+v.Dir+" is no absolute path")
	}
	if err := v.Layout.Check(); err != nil {
		return err
	}
	if err := verifyFile(v.active(), v.Layout.Format, v.Layout.Parent); err != nil {
		return err
	}
	for _, x := range v.Layout.Layers {
		if err := verifyFile(v.path(x.ID), x.Format, x.Parent); err != nil {
			return err
		}
	}
	return nil
}

func verifyFile(path string, format Format, parent string) error {
	const op = "open volume"
	if _, err := stat(path); err != nil {
		return failed(op, path, err)
	}
	if format == Raw {
		return nil
	}
	h, err := readHeader(path)
	if err == nil {
		if parent != "" {
			parent = layerFile(parent)
		}
		err = h.own(parent)
	}
	if err != nil {
		return &sdk.Error{
			Kind: sdk.Invalid, Op: op, Subject: path, Source: sdk.SourceProvider, Err: err,
			Hint: "the folder was changed by somebody else",
		}
	}
	return nil
}

// Info measures a volume without opening its files for writing.
func (e *Engine) Info(v Volume) (Info, error) {
	out := Info{SizeBytes: v.Layout.SizeBytes, Depth: v.Layout.Depth(), Layers: map[string]uint64{}}
	for _, id := range append([]string{""}, ids(v.Layout.Layers)...) {
		st, err := stat(v.path(id))
		if err != nil {
			return Info{}, failed("measure volume", v.Dir, err)
		}
		out.UsedBytes += usedBytes(st)
		if st.Nlink > 1 {
			out.SharedBytes += usedBytes(st)
		}
		if id != "" {
			out.Layers[id] = usedBytes(st)
		}
	}
	return out, nil
}
