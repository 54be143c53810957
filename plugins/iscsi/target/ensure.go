package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

const opEnsure = "serve the volume"

// PortalTaken is the Code of Ensure's Conflict where a portal is somebody else's.
const PortalTaken = "portal_taken"

// Ensure makes the volume's daemon run and have exactly these targets: others
// are fenced, those that exist stay as they are, sessions included. It may be
// repeated at any time and returns when initiators can log in. A portal that
// another process listens on is Conflict, with Code PortalTaken; locks that are
// held are what Volume.Locks says, Busy; wrong records are Invalid. Where the
// image is another file than is served, or has another size, and where the daemon
// does not answer, it is started again, and initiators notice a pause.
func (h *Host) Ensure(ctx context.Context, v Volume) (*Status, error) {
	return h.ensure(ctx, v, false)
}

// Restart ends the daemon and starts it as Ensure does, such as after the image
// has grown. Its locks pass to the new one without being let go of. Initiators
// notice a pause: tgt can open an image anew under a running target too, but
// fails commands that are under way.
func (h *Host) Restart(ctx context.Context, v Volume) (*Status, error) {
	return h.ensure(ctx, v, true)
}

func (h *Host) ensure(ctx context.Context, v Volume, restart bool) (*Status, error) {
	if faults := v.check(); len(faults) > 0 {
		return nil, sdk.InvalidFaults(opEnsure, faults)
	}
	dir, done, err := h.place(ctx, v.Key)
	if err != nil {
		return nil, err
	}
	defer done()
	image, err := v.open()
	if err != nil {
		return nil, err
	}
	path, err := link(dir, v.Image, image.Size())
	if err != nil {
		return nil, unavailable(opEnsure, v.Key, err)
	}
	for {
		status, err := h.serve(ctx, dir, &v, image, path, restart)
		if restart || !errors.Is(err, errSilent) || ctx.Err() != nil {
			return status, err
		}
		// It hangs on one of its targets: gone, it has none.
		restart = true
	}
}

// serve has one daemon run and settled.
func (h *Host) serve(ctx context.Context, dir string, v *Volume, image os.FileInfo, path string, restart bool) (*Status, error) {
	locks, err := h.retire(ctx, dir, v, image, path, restart)
	defer func() { closeAll(locks) }()
	if err != nil {
		return nil, err
	}
	p, err := findProcess(dir)
	if err != nil {
		return nil, unavailable(opEnsure, v.Key, err)
	}
	if p == nil && len(locks) == 0 && v.Locks != nil {
		if p, locks, err = lock(ctx, dir, v.Locks); err != nil {
			return nil, err
		}
	}
	if p == nil {
		if p, err = h.start(ctx, dir, locks); err != nil {
			return nil, unavailable(opEnsure, v.Key, err)
		}
		h.log.InfoContext(ctx, "tgtd was started", "volume", v.Key, "pid", p.pid)
	}
	defer p.close()
	if err := h.settle(ctx, h.control(dir), v, path); err != nil {
		return nil, err
	}
	return h.status(ctx, dir, v.Key, p)
}

// lock takes the locks for a daemon that is to be started. Where they are held it
// looks again for a moment: by one that has just been started, when its starter
// was killed over it; by one whose files were removed; or by a process that this
// one is starting for something else, and that has its descriptors still.
func lock(ctx context.Context, dir string, take func(context.Context) ([]*os.File, error)) (*process, []*os.File, error) {
	for end := time.Now().Add(300 * time.Millisecond); ; time.Sleep(10 * time.Millisecond) {
		locks, err := take(ctx)
		if err == nil && len(locks) == 0 {
			err = sdk.Errorf(sdk.Internal, "the volume's locks are no files")
		}
		if err == nil || sdk.KindOf(err) != sdk.Busy {
			return nil, locks, err
		}
		if p, err := findAny(dir); err == nil && p != nil {
			return p, nil, nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return nil, nil, err
		}
	}
}

// open looks at the image.
func (v *Volume) open() (os.FileInfo, error) {
	info, err := os.Stat(v.Image)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, &sdk.Error{Kind: sdk.NotFound, Op: opEnsure, Subject: v.Image, Text: "there is no such file", Source: sdk.SourcePlugin}
	case err != nil:
		return nil, unavailable(opEnsure, v.Key, err)
	case !info.Mode().IsRegular() || info.Size() == 0 || info.Size()%512 != 0:
		return nil, sdk.InvalidFaults(opEnsure, []sdk.Fault{{
			Path: "image", Have: fmt.Sprintf("%s, %s of %d bytes", v.Image, info.Mode().Type(), info.Size()), Want: "a file of a multiple of 512 bytes",
		}})
	}
	return info, nil
}

// retire ends a daemon that cannot go on as it is: because that is asked for,
// because it does not answer, or because it serves another file or a size that
// the image no longer has. Where the file is the same, those that it held locked
// are returned, still locked.
func (h *Host) retire(ctx context.Context, dir string, v *Volume, image os.FileInfo, path string, restart bool) ([]*os.File, error) {
	find := findProcess
	if restart || v.Locks == nil {
		// Where there are locks, they tell of one whose files were removed.
		find = findAny
	}
	p, err := find(dir)
	if err != nil {
		return nil, unavailable(opEnsure, v.Key, err)
	}
	if p == nil {
		return nil, nil
	}
	defer p.close()
	why := "asked to"
	if !restart {
		listed, err := h.control(dir).targets(ctx)
		switch {
		case errors.Is(err, errSilent) && ctx.Err() == nil:
			why = "it does not answer"
		case err != nil:
			return nil, unavailable(opEnsure, v.Key, err)
		case !p.current(listed, image, path):
			why = "the image is another, or has another size"
		case (p.inherited > 0) != (v.Locks != nil):
			why = "it is to hold locks now, or no longer"
		default:
			return nil, nil
		}
	}
	var locks []*os.File
	// Those of another file are of no use for this one.
	if v.Locks != nil && p.serves(image) > 0 {
		if locks, err = p.locks(); err != nil {
			// They are taken anew then; who is faster has the volume.
			h.log.WarnContext(ctx, "the locks of a tgtd cannot be taken over", "volume", v.Key, "error", err)
		}
	}
	h.log.InfoContext(ctx, "tgtd is started anew", "volume", v.Key, "pid", p.pid, "why", why)
	if err := p.kill(ctx); err != nil {
		closeAll(locks)
		return nil, &sdk.Error{Kind: sdk.Uncertain, Op: opEnsure, Subject: "volume " + v.Key, Source: sdk.SourcePlugin, Err: err}
	}
	return locks, nil
}

// current reports whether all units of a daemon are of this very file, at the size
// that it has.
func (p *process) current(listed []shown, image os.FileInfo, path string) bool {
	units := 0
	for _, t := range listed {
		if u := t.unit(); u != nil && filepath.Dir(u.path) == filepath.Dir(path) {
			units++
			if u.path != path {
				return false
			}
		}
	}
	return p.serves(image) >= units
}

// link makes the name by which the daemon opens an image: one without the commas
// at which tgt cuts parameters off, and with the size, which tgt reads once.
func link(dir, image string, size int64) (string, error) {
	path := imageName(dir, size)
	if to, err := os.Readlink(path); err == nil && to == image {
		return path, nil
	}
	if err := os.Symlink(image, path+".new"); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	if to, err := os.Readlink(path + ".new"); err != nil || to != image {
		if err := os.Remove(path + ".new"); err != nil {
			return "", err
		}
		if err := os.Symlink(image, path+".new"); err != nil {
			return "", err
		}
	}
	return path, os.Rename(path+".new", path)
}

func imageName(dir string, size int64) string {
	return filepath.Join(dir, fmt.Sprintf("image.%d", size))
}
