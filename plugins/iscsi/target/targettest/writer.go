package targettest

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Writer writes stamped blocks of one epoch, several at once, until it is stopped
// or a write fails, and tells a History.
type Writer struct {
	Disk    *Disk
	History *History
	Epoch   uint64
	// Depth is how many writes are under way at once; each has blocks of its own.
	Depth int
	// FlushEvery is after how many of its writes each flushes; 0: never.
	FlushEvery int

	acked atomic.Int64
	seq   atomic.Uint64
}

// Acked is how many writes were answered by now.
func (w *Writer) Acked() int64 { return w.acked.Load() }

// Run writes until ctx is over; the error is the first that a write or flush had.
func (w *Writer) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	var first error
	var once sync.Once
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for lane := range w.Depth {
		wg.Go(func() {
			if err := w.lane(ctx, uint64(lane)); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	wg.Wait()
	return first
}

func (w *Writer) lane(ctx context.Context, lane uint64) error {
	blocks := uint64(w.Disk.Size) / BlockSize / uint64(w.Depth)
	for n := 1; ctx.Err() == nil; n++ {
		s := Stamp{Epoch: w.Epoch, Seq: w.seq.Add(1), Block: lane + uint64(w.Depth)*rand.Uint64N(blocks)}
		w.History.Begin(s)
		if _, err := w.Disk.WriteAt(s.Bytes(), int64(s.Block)*BlockSize); err != nil {
			return err
		}
		w.History.Acked(s)
		w.acked.Add(1)
		if w.FlushEvery > 0 && n%w.FlushEvery == 0 {
			mark := w.History.Mark()
			if err := w.Disk.Flush(); err != nil {
				return err
			}
			w.History.Flushed(mark)
		}
	}
	return nil
}
