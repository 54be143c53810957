package image

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/mesoncloud/meson/sdk"
)

// ReadOptions of Read.
type ReadOptions struct {
	// Layer is what is read; empty: the volume as it is, which nobody may have open
	// for writing.
	Layer string
	// Locks are held until the Reader is closed, and where this process is killed
	// until nothing reads for it any more.
	Locks []*os.File
}

// Reader reads what a volume, or a layer of it, held when it was opened, from files
// that it has open. The volume's lock is needed for Read alone: after it, files may be
// renamed, replaced and removed, but those that are open not be written nor cut. To
// frozen ones that does not happen; of the active one the caller takes care. QEMU's
// own locks refuse it too.
type Reader struct {
	e *Engine
	// dir is the volume's folder, in which a qcow2 is built before it is sent.
	dir    string
	format Format
	size   uint64
	// alone is the one file, where there is just one.
	alone  *os.File
	daemon *Daemon
	end    chan struct{}
	ended  chan error
}

// Read opens a volume, or a layer of it. Busy: somebody has the volume open for
// writing.
func (e *Engine) Read(ctx context.Context, v Volume, opt ReadOptions) (*Reader, error) {
	const op = "read volume"
	if err := v.verify(); err != nil {
		return nil, err
	}
	r := &Reader{e: e, dir: v.Dir, format: v.Layout.Format, size: v.Layout.SizeBytes}
	parent := v.Layout.Parent
	if opt.Layer != "" {
		x, ok := v.Layout.Layer(opt.Layer)
		if !ok {
			return nil, fault(sdk.NotFound, op, v.Dir, "there is no layer %q", opt.Layer)
		}
		r.format, parent, r.size = x.Format, x.Parent, x.SizeBytes
	} else if err := unused(v.active()); err != nil {
		return nil, err
	}
	if parent == "" {
		f, err := os.Open(v.path(opt.Layer))
		if err != nil {
			return nil, failed(op, v.Dir, err)
		}
		r.alone = f
	}
	opened := make(chan *Daemon)
	r.end, r.ended = make(chan struct{}), make(chan error, 1)
	go func() {
		// The daemon dies when this goroutine's thread does.
		r.ended <- e.temporary(ctx, v, opt.Layer, true, opt.Locks, func(d *Daemon) error {
			if err := d.Open(ctx, Export{ID: "export"}); err != nil {
				return err
			}
			opened <- d
			<-r.end
			return nil
		})
	}()
	select {
	case r.daemon = <-opened:
		return r, nil
	case err := <-r.ended:
		return nil, errors.Join(failed(op, v.Dir, err), r.closeFile())
	}
}

// Close ends it: nothing of the volume is open any more.
func (r *Reader) Close() error {
	close(r.end)
	return errors.Join(<-r.ended, r.closeFile())
}

func (r *Reader) closeFile() error {
	if r.alone == nil {
		return nil
	}
	return r.alone.Close()
}

// Export writes all of it to w, standing alone. Of opt the Layer is not used.
func (r *Reader) Export(ctx context.Context, opt ExportOptions, w io.Writer) error {
	if opt.Begin == nil {
		opt.Begin = func(uint64) error { return nil }
	}
	switch opt.Format {
	case Raw:
		return r.exportRaw(ctx, opt, w)
	case QCOW2:
		return r.exportQCOW2(ctx, opt, w)
	}
	return noFormat(opt.Format)
}

func noFormat(f Format) error {
	return invalid("export volume", "format "+string(f)+": want raw or qcow2")
}

// Copy makes in dir, which exists and nobody sees yet, a volume that holds the same
// and shares nothing with it. Of opt the Layer is not used. The context ends it.
func (r *Reader) Copy(ctx context.Context, dir string, opt CopyOptions) (Layout, error) {
	const op = "copy volume"
	out := Layout{Format: opt.Format, SizeBytes: opt.SizeBytes}
	if out.Format == "" {
		out.Format = r.format
	}
	if out.SizeBytes == 0 {
		out.SizeBytes = r.size
	}
	if err := r.e.checkSize(op, out.SizeBytes); err != nil {
		return Layout{}, err
	}
	if out.SizeBytes < r.size || !out.Format.Valid() {
		return Layout{}, invalid(op, "want a format, raw or qcow2, and at least "+itoa(r.size)+" bytes")
	}
	path := filepath.Join(dir, DataFile)
	var err error
	if r.alone != nil && out.Format == r.format {
		err = copyFrom(ctx, path, r.alone)
	} else {
		err = r.convert(ctx, path, out.Format, func(x float64) {
			if opt.Progress != nil {
				opt.Progress("copy", x)
			}
		})
	}
	if err == nil && out.SizeBytes > r.size {
		err = r.e.extend(ctx, path, out.Format, out.SizeBytes)
	}
	if err == nil {
		err = errors.Join(syncFile(path), syncDir(dir))
	}
	if err != nil {
		_ = os.Remove(path)
		return Layout{}, failed(op, dir, err)
	}
	return out, nil
}

// convert writes all of it to a new file that stands alone.
func (r *Reader) convert(ctx context.Context, to string, format Format, percent func(float64)) error {
	return r.e.convertNode(ctx, r.dir, r.node(), to, format, bounds{}, percent)
}

// node is all of it, for qemu-img.
func (r *Reader) node() node {
	return node{"driver": "raw", "read-only": true, "file": node{
		"driver": "nbd", "export": "export", "server": node{"type": "unix", "path": r.daemon.Socket()},
	}}
}
