package image

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const blockBytes = 4096

// disk is a volume under test: what it should hold is known, block by block.
type disk struct {
	tb testing.TB
	e  *Engine
	Volume
	run     string
	serial  int
	holds   map[uint64]byte
	layers  map[string]map[uint64]byte
	options ServeOptions
}

func newDisk(tb testing.TB, e *Engine, format Format, sizeBytes uint64) *disk {
	tb.Helper()
	dir := tb.TempDir()
	layout, err := e.Create(tb.Context(), dir, CreateOptions{Format: format, SizeBytes: sizeBytes})
	if err != nil {
		tb.Fatal(err)
	}
	return wrap(tb, e, Volume{Dir: dir, Layout: layout})
}

func wrap(tb testing.TB, e *Engine, v Volume) *disk {
	tb.Helper()
	run, err := os.MkdirTemp("", "meson-image-test-")
	if err != nil {
		tb.Fatal(err)
	}
	d := &disk{tb: tb, e: e, Volume: v, run: run, holds: map[uint64]byte{}, layers: map[string]map[uint64]byte{}}
	d.options.Dir = filepath.Join(run, "qsd")
	tb.Cleanup(func() {
		d.tb = tb
		d.stop()
		_ = os.RemoveAll(run)
	})
	return d
}

func (d *disk) serve() {
	d.tb.Helper()
	daemon, err := d.e.Serve(d.tb.Context(), d.Volume, d.options)
	if err == nil {
		err = daemon.Open(d.tb.Context(), Export{ID: "w", Writable: true})
	}
	if err != nil {
		d.tb.Fatal(err)
	}
	d.Daemon = daemon
}

func (d *disk) stop() {
	d.tb.Helper()
	if d.Daemon == nil {
		return
	}
	if err := d.Daemon.Stop(context.WithoutCancel(d.tb.Context())); err != nil {
		d.tb.Error(err)
	}
	d.Daemon = nil
}

// with gives f a connection to the volume, which is served for it if it is not.
func (d *disk) with(f func(*nbd)) {
	d.tb.Helper()
	if d.Daemon == nil {
		d.serve()
		defer d.stop()
	}
	c, err := dialNBD(d.tb.Context(), d.Daemon.Socket(), "w")
	if err != nil {
		d.tb.Fatal(err)
	}
	defer c.close()
	f(c)
}

func (d *disk) write(block uint64, value byte) {
	d.tb.Helper()
	d.with(func(c *nbd) {
		if err := c.do(nbdWrite, block*blockBytes, bytes.Repeat([]byte{value}, blockBytes)); err != nil {
			d.tb.Fatal(err)
		}
		if err := c.do(nbdFlush, 0, nil); err != nil {
			d.tb.Fatal(err)
		}
	})
	d.holds[block] = value
}

// check reads the whole volume.
func (d *disk) check(when string) {
	d.tb.Helper()
	d.with(func(c *nbd) {
		if c.size != d.Layout.SizeBytes {
			d.tb.Fatalf("%s: size %d, want %d", when, c.size, d.Layout.SizeBytes)
		}
		var all bytes.Buffer
		if err := c.stream(d.tb.Context(), &all); err != nil {
			d.tb.Fatal(err)
		}
		compare(d.tb, when, all.Bytes(), d.holds)
	})
}

func compare(tb testing.TB, when string, got []byte, want map[uint64]byte) {
	tb.Helper()
	for i := 0; i < len(got); i += blockBytes {
		b := got[i : i+blockBytes]
		if w := want[uint64(i/blockBytes)]; b[0] != w || b[blockBytes-1] != w {
			tb.Fatalf("%s: block %d is %d, want %d", when, i/blockBytes, b[0], w)
		}
	}
}

// do makes a change as a caller does.
func (d *disk) do(c Change) {
	d.tb.Helper()
	if err := d.try(c); err != nil {
		d.tb.Fatalf("%s: %v", c.Op, err)
	}
}

func (d *disk) try(c Change) error {
	d.serial++
	c.ID = fmt.Sprintf("c%d", d.serial)
	next, err := d.e.Do(d.tb.Context(), d.Volume, c)
	if err != nil {
		return err
	}
	d.applied(c, next)
	return d.e.Tidy(d.Dir)
}

// applied keeps the model of what the volume should hold.
func (d *disk) applied(c Change, next Layout) {
	d.Layout = next
	switch c.Op {
	case OpSnapshot:
		d.layers[c.Layer] = clone(d.holds)
	case OpRevert:
		d.holds = clone(d.layers[c.Layer])
	}
}

func clone(m map[uint64]byte) map[uint64]byte {
	out := map[uint64]byte{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// settle does all housework that there is.
func (d *disk) settle() {
	d.tb.Helper()
	for range 64 {
		c, ok, err := d.e.Plan(d.Volume)
		if err != nil {
			d.tb.Fatal(err)
		}
		if !ok {
			return
		}
		d.do(c)
	}
	d.tb.Fatalf("the housework has no end: %+v", d.Layout)
}

// wellFormed holds the folder against the layout: nothing else is there, and
// QEMU finds nothing wrong with it.
func (d *disk) wellFormed() {
	d.tb.Helper()
	want := []string{d.Layout.Active()}
	for _, x := range d.Layout.Layers {
		want = append(want, x.File())
	}
	entries, err := os.ReadDir(d.Dir)
	if err != nil {
		d.tb.Fatal(err)
	}
	for _, x := range entries {
		if !slices.Contains(want, x.Name()) {
			d.tb.Errorf("%s is left over", x.Name())
		}
	}
	if len(entries) != len(want) {
		d.tb.Errorf("there are %d files, want %v", len(entries), want)
	}
	if err := d.verify(); err != nil {
		d.tb.Error(err)
	}
	for _, id := range append([]string{""}, ids(d.Layout.Layers)...) {
		x, _ := d.Layout.Layer(id)
		if id == "" && d.Layout.Format == QCOW2 || x.Format == QCOW2 {
			h, err := readHeader(d.path(id))
			if err != nil || h.clusterBits != 17 || h.incompatible&bitExtendedL2 == 0 {
				d.tb.Errorf("layer %q has clusters of 2^%d bytes, features %#x, %v: want 128 KiB and extended L2", id, h.clusterBits, h.incompatible, err)
			}
			if d.Daemon != nil {
				continue
			}
			if err := d.e.check(d.tb.Context(), d.Dir, filepath.Base(d.path(id)), bounds{}); err != nil {
				d.tb.Error(err)
			}
		}
	}
}
