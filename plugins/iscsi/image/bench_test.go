package image

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

func BenchmarkCreate(b *testing.B) {
	e := theTools(b)
	for _, format := range []Format{Raw, QCOW2} {
		b.Run(string(format), func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Create(b.Context(), b.TempDir(), CreateOptions{Format: format, SizeBytes: 100 << 30}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSnapshot is the whole change, durable, on volumes that hold much and
// little: it is to take the same time.
func BenchmarkSnapshot(b *testing.B) {
	e := theTools(b)
	for _, mib := range []uint64{1, 512} {
		for _, running := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dMiB/running=%v", mib, running), func(b *testing.B) {
				d := newDisk(b, e, QCOW2, 1<<30)
				d.with(func(c *nbd) {
					for at := range mib {
						if err := c.do(nbdWrite, at<<20, bytes.Repeat([]byte{1}, 1<<20)); err != nil {
							b.Fatal(err)
						}
					}
				})
				if running {
					d.serve()
				}
				for b.Loop() {
					d.do(Change{Op: OpSnapshot, Layer: fmt.Sprintf("s%d", d.serial)})
					b.StopTimer()
					if d.Layout.Depth() > MaxDepth {
						for _, x := range d.Layout.Layers {
							d.Layout = d.Layout.Forgotten(x.ID)
						}
						d.settle()
					}
					b.StartTimer()
				}
			})
		}
	}
}

func BenchmarkClone(b *testing.B) {
	d := newDisk(b, theTools(b), QCOW2, 100<<30)
	d.do(Change{Op: OpSnapshot, Layer: "a"})
	for b.Loop() {
		if _, err := d.e.Clone(b.Context(), d.Volume, "a", b.TempDir(), 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkServe(b *testing.B) {
	d := newDisk(b, theTools(b), QCOW2, 100<<30)
	for b.Loop() {
		d.serve()
		b.StopTimer()
		d.stop()
		b.StartTimer()
	}
}

func BenchmarkFind(b *testing.B) {
	d := newDisk(b, theTools(b), QCOW2, 100<<30)
	d.serve()
	for b.Loop() {
		if found, err := d.e.Find(b.Context(), d.options.Dir); err != nil || found == nil {
			b.Fatal(found, err)
		}
	}
}

// BenchmarkFirstTouch writes 4 KiB blocks to places that a clone has never written,
// beside the same on a raw file, and says how much space each block takes.
func BenchmarkFirstTouch(b *testing.B) {
	e := theTools(b)
	const size = 4 << 30
	for _, cloned := range []bool{false, true} {
		b.Run(fmt.Sprintf("clone=%v", cloned), func(b *testing.B) {
			d := newDisk(b, e, Raw, size)
			if cloned {
				d.do(Change{Op: OpSnapshot, Layer: "a"})
			}
			block, places := bytes.Repeat([]byte{1}, blockBytes), rand.Perm(size/blockBytes)
			b.SetBytes(blockBytes)
			d.with(func(c *nbd) {
				n := 0
				for b.Loop() {
					if err := c.do(nbdWrite, uint64(places[n%len(places)])*blockBytes, block); err != nil {
						b.Fatal(err)
					}
					n++
				}
				b.StopTimer()
				if err := c.do(nbdFlush, 0, nil); err != nil {
					b.Fatal(err)
				}
				st, err := stat(filepath.Join(d.Dir, DataFile))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(usedBytes(st))/float64(n), "used-B/op")
			})
		})
	}
}
