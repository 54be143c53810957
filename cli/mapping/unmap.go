package mapping

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/core"
)

// UnmapOptions of Unmap.
type UnmapOptions struct {
	// Force takes the mapping from those who have it open, and ends it although
	// what was written could not be brought to the volume. What the daemon can
	// still write, it writes.
	Force bool
}

// flushPatience is how long a flush may take under Force, and a farewell
// always.
const flushPatience = 10 * time.Second

// Unmap ends the mapping. When it returns nil, all that was written is on the
// volume, the connection is closed, and nothing is left of the mapping here:
// the attachment may be ended. It is Busy while anybody has the mapping open, a
// loop device too, with a BusyError; and an error, with the mapping as it was,
// where the volume does not take what was written. A dead mapping is cleared
// away; what is not there is done.
func (m *Mapper) Unmap(ctx context.Context, id string, opts UnmapOptions) error {
	if !validID(id) {
		return nil
	}
	return failed("unmap volume", "mapping "+id, m.locked(ctx, id, func() error {
		r, err := m.look(id)
		if err != nil || r == nil {
			return err
		}
		if r.State == Active {
			if err := m.finish(ctx, r, opts.Force); err != nil && !opts.Force {
				return err
			} else if err != nil {
				m.opts.Log.Warn("mapping is ended by force", "mapping", id, "err", err)
			}
		}
		return m.clear(ctx, r)
	}))
}

// finish brings everything to the volume and has the daemon let go of it.
func (m *Mapper) finish(ctx context.Context, r *record, force bool) error {
	if force {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, flushPatience)
		defer cancel()
	}
	if r.As == AsNBD {
		return m.close(ctx, r, force)
	}
	if err := m.release(ctx, r, force); err != nil {
		return err
	}
	// Each write went through when it returned, and each close of the file was a
	// flush: nothing is in the daemon that is not on the volume. One that cannot
	// say goodbye to its server may be killed.
	ctx, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	if err := m.close(ctx, r, force); err != nil {
		m.opts.Log.Warn("the server of the volume does not answer: the connection is cut", "mapping", r.ID, "err", err)
	}
	return nil
}

// close ends the export and the connection, and then the daemon.
func (m *Mapper) close(ctx context.Context, r *record, force bool) error {
	mon, err := dialMonitor(ctx, m.socket(r.ID), func() bool { return !m.isDaemon(r.PID, r.ID) })
	if err != nil {
		return err
	}
	defer mon.close()
	mode := "safe"
	if force {
		mode = "hard"
	}
	err = mon.call(ctx, "block-export-del", map[string]any{"id": "export", "mode": mode}, nil)
	var refused *qmpError
	if r.As == AsNBD && errors.As(err, &refused) && refused.class != "CommandNotFound" {
		return &core.Error{Kind: core.Busy, Hint: "end what is connected to " + r.URI, Err: &BusyError{}}
	}
	if err != nil {
		return err
	}
	if err := m.dropNode(ctx, mon); err != nil {
		return err
	}
	if err := mon.call(ctx, "quit", nil, nil); err != nil {
		return err
	}
	for m.isDaemon(r.PID, r.ID) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// release syncs the file and takes it from the file system.
func (m *Mapper) release(ctx context.Context, r *record, force bool) error {
	if !r.ReadOnly {
		if err := syncFile(ctx, r.File); err != nil {
			err = &core.Error{
				Kind: core.Unavailable, Text: "the volume does not take what was written", Err: err,
				Hint: "see to its storage server, or lose what was written last with --force",
			}
			if !force {
				return err
			}
			m.opts.Log.Warn("mapping loses what was written last", "mapping", r.ID, "err", err)
		}
	}
	err := unmount(ctx, r.File, force)
	if errors.Is(err, unix.EBUSY) {
		return &core.Error{Kind: core.Busy, Hint: "end what has " + r.File + " open", Err: &BusyError{Holders: holders(r.File)}}
	}
	return err
}

// syncFile waits for a sync no longer than ctx: one that hangs in the kernel
// cannot be called back, and ends with the daemon.
func syncFile(ctx context.Context, file string) error {
	done := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err == nil {
			err = f.Sync()
			if cerr := f.Close(); err == nil {
				err = cerr
			}
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dropNode has the daemon write what it still has and close the volume. An
// export that was ended a moment ago may still hold it.
func (m *Mapper) dropNode(ctx context.Context, mon *monitor) error {
	var err error
	for range 200 {
		err = mon.call(ctx, "blockdev-del", map[string]any{"node-name": nodeName}, nil)
		var refused *qmpError
		if err == nil || !errors.As(err, &refused) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// clear removes whatever is left of a mapping: daemon, mount, file, directory.
func (m *Mapper) clear(ctx context.Context, r *record) error {
	if err := m.kill(ctx, r.ID); err != nil {
		return err
	}
	if r.As == AsFile && r.File != "" {
		for {
			is, err := mounted(r.File)
			if err != nil {
				return err
			}
			if !is {
				break
			}
			if err := unmount(ctx, r.File, true); err != nil {
				return fmt.Errorf("unmount %s: %w", r.File, err)
			}
		}
		if err := m.removePlaced(r); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(m.dir(r.ID)); err != nil {
		return err
	}
	return nil
}

// removePlaced removes the file that the volume was shown on, if it is still
// the empty one that was made for it.
func (m *Mapper) removePlaced(r *record) error {
	info, err := os.Lstat(r.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !r.Placed || !info.Mode().IsRegular() || info.Size() != 0 || !filepath.IsAbs(r.File) {
		return nil
	}
	return os.Remove(r.File)
}
