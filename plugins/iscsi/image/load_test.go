package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// writer writes numbered blocks, each flushed, until it fails or is stopped.
type writer struct {
	acked, longest atomic.Int64
	stop           atomic.Bool
	done           chan error
}

// stampBlocks is how many blocks a writer goes around.
const stampBlocks = 64

func startWriter(tb testing.TB, d *disk) *writer {
	tb.Helper()
	c, err := dialNBD(tb.Context(), d.Daemon.Socket(), "w")
	if err != nil {
		tb.Fatal(err)
	}
	w := &writer{done: make(chan error, 1)}
	go func() {
		defer c.close()
		for n := int64(1); !w.stop.Load(); n++ {
			begin := time.Now()
			b := bytes.Repeat(binary.BigEndian.AppendUint64(nil, uint64(n)), blockBytes/8)
			if err := c.do(nbdWrite, uint64(n%stampBlocks)*blockBytes, b); err != nil {
				w.done <- err
				return
			}
			if err := c.do(nbdFlush, 0, nil); err != nil {
				w.done <- err
				return
			}
			w.acked.Store(n)
			w.longest.Store(max(w.longest.Load(), int64(time.Since(begin))))
		}
		w.done <- nil
	}()
	return w
}

// holdsStamps says whether every block has the last acknowledged number, or one
// that was under way.
func holdsStamps(tb testing.TB, d *disk, acked int64) {
	tb.Helper()
	d.with(func(c *nbd) {
		b := make([]byte, stampBlocks*blockBytes)
		if err := c.do(nbdRead, 0, b); err != nil {
			tb.Fatal(err)
		}
		for i := range int64(stampBlocks) {
			got := int64(binary.BigEndian.Uint64(b[i*blockBytes:]))
			want := acked - (acked-i)%stampBlocks
			if want <= 0 {
				continue // not written yet, since the writer began
			}
			if got != want && (got != acked+1 || got%stampBlocks != i) {
				tb.Errorf("block %d has %d, want %d of %d acknowledged", i, got, want, acked)
			}
		}
	})
}

// TestKilledDaemon kills the daemon under write load: what was acknowledged is
// there, on raw and qcow2, also where snapshots are taken meanwhile.
func TestKilledDaemon(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	for _, format := range []Format{Raw, QCOW2} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, e, format, 32<<20)
			for round := range 4 {
				d.serve()
				w := startWriter(t, d)
				eventually(t, "writing", func() bool { return w.acked.Load() > 40 })
				d.do(Change{Op: OpSnapshot, Layer: fmt.Sprintf("r%d", round)})
				since := w.acked.Load()
				eventually(t, "writing on", func() bool { return w.acked.Load() > since+40 })
				if err := d.Daemon.Kill(t.Context()); err != nil {
					t.Fatal(err)
				}
				d.Daemon = nil
				if err := <-w.done; err == nil {
					t.Error("the writer did not notice")
				}
				t.Logf("round %d: %d writes acknowledged, the longest took %v", round, w.acked.Load(), time.Duration(w.longest.Load()))
				holdsStamps(t, d, w.acked.Load())
				d.wellFormed()
				d.do(Change{Op: OpRevert, Layer: fmt.Sprintf("r%d", round)})
			}
		})
	}
}

// TestHousekeepingUnderLoad snapshots, forgets and merges while a writer runs: it
// sees no error and loses nothing.
func TestHousekeepingUnderLoad(t *testing.T) {
	t.Parallel()
	d := newDisk(t, theTools(t), QCOW2, 32<<20)
	d.serve()
	w := startWriter(t, d)
	for i := range 14 {
		since := w.acked.Load()
		eventually(t, "writing", func() bool { return w.acked.Load() > since+5 })
		d.do(Change{Op: OpSnapshot, Layer: fmt.Sprintf("s%d", i)})
		if i%3 == 2 {
			d.Layout = d.Layout.Forgotten(fmt.Sprintf("s%d", i-1))
		}
		d.settle()
		if depth := d.Layout.Depth(); depth > MaxDepth {
			t.Errorf("%d files deep after %d snapshots", depth, i+1)
		}
	}
	w.stop.Store(true)
	if err := <-w.done; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d writes acknowledged, the longest took %v", w.acked.Load(), time.Duration(w.longest.Load()))
	holdsStamps(t, d, w.acked.Load())
	d.stop()
	holdsStamps(t, d, w.acked.Load())
	d.wellFormed()
}
