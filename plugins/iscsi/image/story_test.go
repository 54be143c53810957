package image

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// TestAnyStory does whatever may be done to a volume, in any order, running or
// not, and reads all of it after each step, and all snapshots and clones in the
// end.
func TestAnyStory(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	seeds, steps := uint64(1), 25
	if os.Getenv("MESON_SOAK") != "" {
		seeds, steps = 10, 60
	}
	for _, format := range []Format{Raw, QCOW2} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s/%d", format, seed), func(t *testing.T) {
				story(t, newDisk(t, e, format, 8<<20), rand.New(rand.NewPCG(seed, 7)), steps)
			})
		}
	}
}

func story(t *testing.T, d *disk, r *rand.Rand, steps int) {
	var clones []*disk
	anySnapshot := func() string {
		var all []string
		for _, x := range d.Layout.Layers {
			if x.Snapshot {
				all = append(all, x.ID)
			}
		}
		if len(all) == 0 {
			return ""
		}
		return all[r.IntN(len(all))]
	}
	for step := range steps {
		what := fmt.Sprintf("step %d", step)
		for range 3 {
			d.write(r.Uint64N(d.Layout.SizeBytes/blockBytes), byte(1+r.IntN(255)))
		}
		snapshot := anySnapshot()
		switch n := r.IntN(10); {
		case n <= 2:
			what += " snapshot"
			d.do(Change{Op: OpSnapshot, Layer: fmt.Sprintf("s%d", step)})
		case n == 3 && snapshot != "" && d.Daemon == nil:
			what += " revert to " + snapshot
			d.do(Change{Op: OpRevert, Layer: snapshot})
		case n == 4 && snapshot != "":
			what += " forget " + snapshot
			d.Layout = d.Layout.Forgotten(snapshot)
		case n == 5 && snapshot != "":
			what += " clone of " + snapshot
			dir := t.TempDir()
			layout, err := d.e.Clone(t.Context(), d.Volume, snapshot, dir, 0)
			if err != nil {
				t.Fatal(err)
			}
			c := wrap(t, d.e, Volume{Dir: dir, Layout: layout})
			c.holds = clone(d.layers[snapshot])
			c.check(what)
			c.write(r.Uint64N(c.Layout.SizeBytes/blockBytes), 1)
			clones = append(clones, c)
		case n == 6:
			what += " resize"
			d.do(Change{Op: OpResize, SizeBytes: d.Layout.SizeBytes + 1<<20})
		case n == 7 && d.Daemon == nil && r.IntN(3) == 0:
			what += " convert"
			d.do(Change{Op: OpConvert, Format: []Format{Raw, QCOW2}[r.IntN(2)]})
		case n == 8:
			what += " housework"
			d.settle()
		case d.Daemon == nil:
			what += " start"
			d.serve()
		default:
			what += " stop"
			d.stop()
		}
		t.Log(what, d.Layout)
		d.check(what)
		d.wellFormed()
	}
	d.stop()
	if d.Layout.Format == QCOW2 {
		clusters(t, d.Dir)
	}
	for _, x := range d.Layout.Layers {
		if !x.Snapshot {
			continue
		}
		dir := t.TempDir()
		layout, err := d.e.Copy(t.Context(), d.Volume, dir, CopyOptions{Layer: x.ID})
		if err != nil {
			t.Fatal(err)
		}
		c := wrap(t, d.e, Volume{Dir: dir, Layout: layout})
		c.holds = d.layers[x.ID]
		c.check("copy of snapshot " + x.ID)
	}
	if err := os.RemoveAll(d.Dir); err != nil {
		t.Fatal(err)
	}
	for i, c := range clones {
		c.check(fmt.Sprintf("clone %d without its origin", i))
		c.settle()
		c.check(fmt.Sprintf("clone %d alone", i))
		if used, err := c.e.Info(c.Volume); err != nil || used.UsedBytes == 0 || slices.ContainsFunc(c.Layout.Layers, func(x Layer) bool { return x.Snapshot }) {
			t.Errorf("clone %d: %+v, %v", i, c.Layout, err)
		}
	}
}
