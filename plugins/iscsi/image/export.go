package image

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Export writes the volume, or a layer of it, to w, standing alone. It is Read, Export
// and Close in one, for who needs no lock.
func (e *Engine) Export(ctx context.Context, v Volume, opt ExportOptions, w io.Writer) error {
	if !opt.Format.Valid() {
		return noFormat(opt.Format)
	}
	r, err := e.Read(ctx, v, ReadOptions{Layer: opt.Layer})
	if err != nil {
		return err
	}
	return errors.Join(r.Export(ctx, opt, w), r.Close())
}

func (r *Reader) exportRaw(ctx context.Context, opt ExportOptions, w io.Writer) error {
	const op = "export volume"
	c, err := dialNBD(ctx, r.daemon.Socket(), "export")
	if err != nil {
		return failed(op, r.dir, err)
	}
	defer c.close()
	if err := opt.Begin(c.size); err != nil {
		return err
	}
	return failed(op, r.dir, c.stream(ctx, w))
}

func (r *Reader) exportQCOW2(ctx context.Context, opt ExportOptions, w io.Writer) error {
	const op = "export volume"
	dir := opt.TempDir
	if dir == "" {
		dir = r.dir
	}
	temp, err := os.MkdirTemp(dir, asidePrefix+"export-")
	if err != nil {
		return failed(op, dir, err)
	}
	defer os.RemoveAll(temp)
	path := filepath.Join(temp, "image")
	if err := r.convert(ctx, path, QCOW2, nil); err != nil {
		return failed(op, r.dir, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return failed(op, path, err)
	}
	defer f.Close()
	r.e.opt.Step("exported")
	// It goes with the last byte, also where this process is killed.
	_ = os.RemoveAll(temp)
	st, err := f.Stat()
	if err != nil {
		return failed(op, path, err)
	}
	if err := opt.Begin(uint64(st.Size())); err != nil {
		return err
	}
	_, err = io.Copy(w, &reader{ctx, f})
	return failed(op, r.dir, err)
}

// reader ends with a context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(b)
}
