package image

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Find finds the daemon of a runtime directory; nil: there is none, which is
// certain. A pid alone is never believed: the process is the one that listens on
// the socket, or the one recorded with the same start, and has the directory in
// its command line.
func (e *Engine) Find(ctx context.Context, dir string) (*Daemon, error) {
	const op = "find daemon"
	if q, err := dialQMP(ctx, filepath.Join(dir, "qmp")); err == nil {
		pid, err := q.peer()
		q.close()
		if err != nil {
			return nil, failed(op, dir, err)
		}
		if p, ok := lookAt(pid, dir); ok {
			return &Daemon{dir, p}, nil
		}
	} else if ctx.Err() != nil {
		return nil, failed(op, dir, context.Cause(ctx))
	}
	if b, err := os.ReadFile(filepath.Join(dir, "pid")); err == nil {
		var was process
		if json.Unmarshal(b, &was) == nil {
			if p, ok := lookAt(was.PID, dir); ok && p == was {
				return &Daemon{dir, p}, nil
			}
		}
	}
	p, ok, err := searchAll(dir)
	if err != nil || !ok {
		return nil, failed(op, dir, err)
	}
	return &Daemon{dir, p}, nil
}

// stopPatience is how long a daemon may take to write what it holds.
const stopPatience = 15 * time.Second

// Stop ends the daemon, in order, and after a while by SIGKILL: when it returns,
// the process is gone, and with it its locks. To be called only where nothing
// writes any more.
func (d *Daemon) Stop(ctx context.Context) error {
	const op = "stop daemon"
	asking, cancel := context.WithTimeout(ctx, stopPatience)
	err := d.with(asking, op, func(q *qmp) error { return q.do("quit", nil, nil) })
	cancel()
	if err == nil {
		err = d.at.end(ctx, d.dir, 0, stopPatience)
		if err == nil {
			return failed(op, d.dir, errors.Join(d.noteEnd(), clean(d.dir)))
		}
	}
	if ctx.Err() != nil {
		return failed(op, d.dir, context.Cause(ctx))
	}
	return d.Kill(ctx)
}

// Kill ends the daemon at once: what was acknowledged to a flush is on disk, and what
// was written since may be gone.
func (d *Daemon) Kill(ctx context.Context) error {
	if err := d.at.end(ctx, d.dir, unix.SIGKILL, stopPatience); err != nil {
		return failed("kill daemon", d.dir, err)
	}
	return failed("kill daemon", d.dir, clean(d.dir))
}
