package targettest

import (
	"context"
	"testing"
	"time"
)

// Running is a Writer that goes on until it is stopped.
type Running struct {
	*Writer
	stop context.CancelFunc
	done chan error
}

// Write starts a writer of an epoch, and returns when some of its writes are
// answered. It is stopped when the test ends.
func Write(tb testing.TB, d *Disk, history *History, epoch uint64) *Running {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	tb.Cleanup(stop)
	r := &Running{
		Writer: &Writer{Disk: d, History: history, Epoch: epoch, Depth: 8, FlushEvery: 16},
		stop:   stop, done: make(chan error, 1),
	}
	go func() { r.done <- r.Run(ctx) }()
	r.GoesOn(tb, 200)
	return r
}

// GoesOn waits until that many more writes are answered; that the writer ends, or
// waits for longer than an initiator takes to come back, fails the test.
func (r *Running) GoesOn(tb testing.TB, more int64) {
	tb.Helper()
	from := r.Acked()
	for end := time.Now().Add(40 * time.Second); r.Acked() < from+more; time.Sleep(2 * time.Millisecond) {
		select {
		case err := <-r.done:
			tb.Fatalf("the writer ended: %v", err)
		default:
		}
		if time.Now().After(end) {
			tb.Fatalf("not within 40 s: the writer goes on")
		}
	}
}

// Stop lets no write be sent any more, and waits for none.
func (r *Running) Stop() { r.stop() }

// Finish ends a writer whose writes are all answered.
func (r *Running) Finish(tb testing.TB) {
	tb.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		tb.Errorf("a write failed: %v", err)
	}
}

// Ended waits for a writer that was not stopped and whose writes can be answered no
// more, and is the error of its first.
func (r *Running) Ended() error { return <-r.done }
