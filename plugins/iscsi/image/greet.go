package image

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// attention is how long a daemon may take to greet before it is called anew; the next
// time it is twice as long.
const attention = 2 * time.Second

// greeted connects to a monitor and gets through its greeting, for as long as a
// connection may take. A daemon that is just setting its monitor up, or letting go of
// the caller before, can greet and then lose sight of who calls (QEMU 7.2), and serves
// the next call: nothing has been asked of it yet. One that has not looked yet at who
// called before, as a process that was killed since, takes no more calls for a moment
// (EAGAIN).
func greeted(ctx context.Context, socket string) (*qmp, error) {
	end := time.Now().Add(qmpPatience)
	if d, ok := ctx.Deadline(); ok {
		end = d
	}
	for patience := attention; ; patience *= 2 {
		q, err := dialQMP(ctx, socket)
		if errors.Is(err, unix.EAGAIN) && time.Now().Before(end) {
			patience /= 2 // it was not that
			if pause(ctx) {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		q.expire(ctx, min(patience, time.Until(end)))
		if err = q.greet(); err == nil {
			q.expire(ctx, time.Until(end))
			return q, nil
		}
		q.close()
		if _, refused := errors.AsType[*qmpError](err); refused || ctx.Err() != nil || !time.Now().Before(end) {
			return nil, err
		}
		if !pause(ctx) {
			return nil, err
		}
	}
}

// pause waits a little before the next call; false where ctx has ended.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(5 * time.Millisecond):
		return true
	}
}

// greet waits for the daemon's greeting and answers it. What was meant for the
// client before may come first.
func (q *qmp) greet() error {
	for {
		var r reply
		if err := q.in.Decode(&r); err != nil {
			return fmt.Errorf("the monitor does not greet: %w", err)
		}
		if r.QMP != nil {
			return q.do("qmp_capabilities", nil, nil)
		}
	}
}

// expire sets the end of a connection, which is over at the end of ctx in any case.
func (q *qmp) expire(ctx context.Context, after time.Duration) {
	_ = q.conn.SetDeadline(time.Now().Add(after))
	if ctx.Err() != nil {
		_ = q.conn.SetDeadline(time.Unix(1, 0))
	}
}
