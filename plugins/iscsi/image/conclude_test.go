package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// atOnce is far less than a merge of the tests takes, and more than a busy machine
// needs to end it.
const atOnce = 5 * time.Second

// merge is one that is begun and not seen through.
type merge struct {
	name    string
	change  Change
	steps   []string
	running bool
}

func merges() []merge {
	replaced := []string{"begun", "built", "ready", "replaced"}
	pushed := []string{"begun", "pushing", "pushed", "renamed"}
	return []merge{
		{"pull", Change{Op: OpPull, Base: "s1"}, []string{"begun", "pulled"}, false},
		{"pull frozen", Change{Op: OpPull, Layer: "s2"}, replaced, false},
		{"live pull frozen", Change{Op: OpPull, Layer: "s2"}, append([]string{"swapped"}, replaced...), true},
		{"push", Change{Op: OpPush, Layer: "s1", Child: "s2"}, pushed, false},
		{"live push", Change{Op: OpPush, Layer: "s1", Child: "s2"}, pushed, true},
		{"push active", Change{Op: OpPush, Layer: "s2"}, pushed, false},
	}
}

// merging is a volume with three layers, of which the change's is forgotten.
func merging(t *testing.T, e *Engine, m merge) *disk {
	t.Helper()
	d := newDisk(t, e, QCOW2, 8<<20)
	for i, id := range []string{"s0", "s1", "s2"} {
		d.write(uint64(i), byte(i+1))
		d.write(9, byte(i+1))
		d.do(Change{Op: OpSnapshot, Layer: id})
	}
	d.write(9, 9)
	if m.change.Op == OpPush {
		d.Layout = d.Layout.Forgotten(m.change.Layer)
	}
	if m.running {
		d.serve()
	}
	return d
}

// concluded concludes a merge, and fails unless the volume and its snapshots hold
// what they did, and go on to.
func (d *disk) concluded(c Change) (made bool) {
	d.tb.Helper()
	began := time.Now()
	next, made, err := d.e.Conclude(d.tb.Context(), d.Volume, c)
	if err != nil {
		d.tb.Fatal(err)
	}
	if took := time.Since(began); took > atOnce {
		d.tb.Errorf("it took %v", took)
	}
	d.applied(c, next)
	if err := d.e.Tidy(d.Dir); err != nil {
		d.tb.Fatal(err)
	}
	d.check("concluded")
	d.write(21, 21)
	d.wellFormed()
	d.do(Change{Op: OpSnapshot, Layer: "later"})
	d.write(22, 22)
	d.stop()
	d.check("served anew")
	d.wellFormed()
	d.snapshotsHold()
	d.settle()
	d.check("tidied")
	d.wellFormed()
	d.snapshotsHold()
	return made
}

func (d *disk) snapshotsHold() {
	d.tb.Helper()
	for _, x := range d.Layout.Layers {
		if !x.Snapshot {
			continue
		}
		dir := d.tb.TempDir()
		layout, err := d.e.Copy(d.tb.Context(), d.Volume, dir, CopyOptions{Layer: x.ID})
		if err != nil {
			d.tb.Fatal(err)
		}
		copied := wrap(d.tb, d.e, Volume{Dir: dir, Layout: layout})
		copied.holds = d.layers[x.ID]
		copied.check("layer " + x.ID)
	}
}

// TestConcludedMerges kills who merges at every step, and who concludes it too: it is
// made or undone, nothing is lost and nothing left over.
func TestConcludedMerges(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	for _, m := range merges() {
		for _, step := range m.steps {
			for _, lost := range []bool{false, true} {
				if lost && !m.running {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/lost=%v", m.name, step, lost), func(t *testing.T) {
					t.Parallel()
					d := merging(t, e, m)
					c := m.change
					c.ID = "killed"
					d.die(c, step)
					if m.running {
						d.write(20, 20)
					}
					if lost {
						if err := d.Daemon.Kill(t.Context()); err != nil {
							t.Fatal(err)
						}
						d.Daemon = nil
					}
					if step == "begun" || step == "built" {
						d.dieAt(task{Change: c, Conclude: true, DieAt: "undone"})
					}
					made := d.concluded(c)
					near := step == "ready" || step == "replaced" || step == "swapped" || step == "renamed" || step == "pulled" || step == "pushed" && m.running && !lost
					if step != "pushing" && made != near {
						t.Errorf("made: %v", made)
					}
				})
			}
		}
	}
}

// slow is an engine whose merges take a minute and more.
func slow(t *testing.T) *Engine {
	t.Helper()
	theTools(t)
	path := filepath.Join(t.TempDir(), "qemu-img")
	script := "#!/bin/bash\nif [ \"$1\" = rebase ]; then read -t 100 <> <(:); fi\nexec qemu-img \"$@\"\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return New(Options{QEMUImg: path, MergeSpeed: 64 << 10})
}

// TestMergeEndsWithItsContext ends the context of merges that take long: they end at
// once, and are undone.
func TestMergeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	wanted := errors.New("somebody wants it")
	for _, m := range merges() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			d := merging(t, slow(t), m)
			if m.change.Op == OpPush {
				grown := m
				grown.running = false
				d.stop()
				d = large(t, slow(t), grown)
				if m.running {
					d.serve()
				}
			}
			c := m.change
			c.ID = "ended"
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := d.e.Do(ctx, d.Volume, c)
				ended <- err
			}()
			select {
			case err := <-ended:
				t.Fatalf("it ended by itself: %v", err)
			case <-time.After(700 * time.Millisecond):
			}
			began := time.Now()
			cancel(wanted)
			if err := <-ended; !errors.Is(err, wanted) {
				t.Errorf("%v, want the context's cause", err)
			}
			if took := time.Since(began); took > atOnce {
				t.Errorf("it ended after %v", took)
			}
			d.e = theTools(t)
			if d.concluded(c) {
				t.Error("it was made")
			}
		})
	}
}

// large is merging with so much in the layers that a slow push of them takes long.
func large(t *testing.T, e *Engine, m merge) *disk {
	t.Helper()
	d := newDisk(t, e, QCOW2, 64<<20)
	for i, id := range []string{"s0", "s1", "s2"} {
		d.fill(byte(i + 1))
		d.do(Change{Op: OpSnapshot, Layer: id})
	}
	d.fill(9)
	d.Layout = d.Layout.Forgotten(m.change.Layer)
	return d
}

// fill writes one byte to many blocks.
func (d *disk) fill(value byte) {
	d.tb.Helper()
	d.with(func(c *nbd) {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = value
		}
		for at := uint64(0); at < 32<<20; at += uint64(len(b)) {
			if err := c.do(nbdWrite, at, b); err != nil {
				d.tb.Fatal(err)
			}
		}
		if err := c.do(nbdFlush, 0, nil); err != nil {
			d.tb.Fatal(err)
		}
	})
	for block := uint64(0); block < 32<<20/blockBytes; block++ {
		d.holds[block] = value
	}
}
