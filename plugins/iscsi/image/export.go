package image

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/mesoncloud/meson/sdk"
)

// Export writes the volume, or a layer of it, to w, standing alone.
func (e *Engine) Export(ctx context.Context, v Volume, opt ExportOptions, w io.Writer) error {
	const op = "export volume"
	if err := v.verify(); err != nil {
		return err
	}
	if opt.Layer == "" {
		if err := unused(v.active()); err != nil {
			return err
		}
	} else if _, ok := v.Layout.Layer(opt.Layer); !ok {
		return fault(sdk.NotFound, op, v.Dir, "there is no layer %q", opt.Layer)
	}
	begin := opt.Begin
	if begin == nil {
		begin = func(uint64) error { return nil }
	}
	switch opt.Format {
	case Raw:
		return e.exportRaw(ctx, v, opt.Layer, begin, w)
	case QCOW2:
		dir := opt.TempDir
		if dir == "" {
			dir = v.Dir
		}
		return e.exportQCOW2(ctx, v, opt.Layer, dir, begin, w)
	}
	return invalid(op, "format "+string(opt.Format)+": want raw or qcow2")
}

func (e *Engine) exportRaw(ctx context.Context, v Volume, layer string, begin func(uint64) error, w io.Writer) error {
	const op = "export volume"
	return e.temporary(ctx, v, layer, true, func(d *Daemon) error {
		if err := d.Open(ctx, Export{ID: "export"}); err != nil {
			return err
		}
		c, err := dialNBD(ctx, d.Socket(), "export")
		if err != nil {
			return failed(op, v.Dir, err)
		}
		defer c.close()
		if err := begin(c.size); err != nil {
			return err
		}
		return failed(op, v.Dir, c.stream(ctx, w))
	})
}

func (e *Engine) exportQCOW2(ctx context.Context, v Volume, layer, dir string, begin func(uint64) error, w io.Writer) error {
	const op = "export volume"
	temp, err := os.MkdirTemp(dir, asidePrefix+"export-")
	if err != nil {
		return failed(op, dir, err)
	}
	defer os.RemoveAll(temp)
	path := filepath.Join(temp, "image")
	if err := e.convert(ctx, v, layer, path, QCOW2, bounds{}, nil); err != nil {
		return failed(op, v.Dir, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return failed(op, path, err)
	}
	defer f.Close()
	// It goes with the last byte, also where this process is killed.
	_ = os.RemoveAll(temp)
	st, err := f.Stat()
	if err != nil {
		return failed(op, path, err)
	}
	if err := begin(uint64(st.Size())); err != nil {
		return err
	}
	_, err = io.Copy(w, &reader{ctx, f})
	return failed(op, v.Dir, err)
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
