package iscsi

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// fuseExport is the id of the one export by which a volume appears as a raw file.
const fuseExport = "lun"

// standing are the uses of a kind that are to be served: not those that end, nor those
// whose epoch is over.
func standing(v *vault.Volume, kind string) []vault.Use {
	var out []vault.Use
	for _, u := range v.State.Uses {
		if u.Kind == kind && u.Ending.IsZero() && u.Lost.IsZero() && copied(v, u) == nil {
			out = append(out, u)
		}
	}
	return out
}

func writes(uses []vault.Use) bool {
	return slices.ContainsFunc(uses, func(u vault.Use) bool { return u.Writable })
}

// settle makes the daemons of a volume serve what is recorded, and nothing else.
// Those that serve nothing are ended, and with them their locks.
func (s *store) settle(ctx context.Context, f found) error {
	return f.at.vault.Hold(ctx, f.Ref(), s.serve)
}

// serve is settle for who has the volume's lock.
func (s *store) serve(ctx context.Context, h *vault.Held) error {
	v := h.Volume()
	if v.Directory {
		if s.shares == nil && len(v.State.Uses) == 0 {
			return nil
		}
		return s.serveShares(ctx, nil, nil)
	}
	if v.State.Pending != nil {
		return nil // who finishes it serves it
	}
	for kind, dir := range map[string]string{"iscsi": s.fuseDir(v), "nbd": s.nbdDir(v)} {
		if err := s.judge(h, kind, dir); err != nil {
			return err
		}
	}
	if lost(h.Volume()) != nil {
		// Who is connected has errors from what is left, and nothing else.
		return nil
	}
	err := s.serveTargets(ctx, h)
	if err == nil {
		err = s.serveSockets(ctx, h)
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok && e.Code == epochOver {
		return nil // its daemon died just now
	}
	return err
}

// serveTargets is iSCSI: a raw image is served by tgtd itself, another through a
// storage daemon that shows it as a raw file.
func (s *store) serveTargets(ctx context.Context, h *vault.Held) error {
	v := h.Volume()
	uses := standing(v, "iscsi")
	if len(uses) == 0 {
		return s.stopTargets(ctx, v)
	}
	if s.targets == nil {
		return s.config.notServed("iSCSI", "address")
	}
	tgt := target.Volume{Key: key(v), Serial: serial(v.ID), Image: v.Data(), Portals: uses[0].Portals}
	if exposedFormat(v) == vault.QCOW2 {
		path, err := s.showAsRaw(ctx, h, writes(uses))
		if err != nil {
			return err
		}
		tgt.Image, tgt.NoUnmap = path, true
	} else if err := s.stopDaemon(ctx, s.fuseDir(v)); err != nil {
		return err
	} else if writes(uses) {
		tgt.Locks = func(context.Context) ([]*os.File, error) {
			f, err := image.Hold(v.Data())
			if err != nil {
				return nil, err
			}
			return []*os.File{f}, nil
		}
	}
	for _, u := range uses {
		password, err := h.Secret(u.ID)
		if err != nil {
			return err
		}
		tgt.Targets = append(tgt.Targets, target.Target{IQN: u.IQN, Initiator: u.Initiator, User: u.ID, Password: password, ReadOnly: !u.Writable})
	}
	_, err := s.targets.Ensure(ctx, tgt)
	return err
}

// serial is what initiators see as the disk's, within what SCSI has room for; empty,
// for the daemon to give one, where a found volume's id has other signs.
func serial(id string) string {
	for _, r := range id {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)) {
			return ""
		}
	}
	return id[:min(len(id), 36)]
}

// showAsRaw has a storage daemon show a volume as a file of its plain bytes.
func (s *store) showAsRaw(ctx context.Context, h *vault.Held, writable bool) (string, error) {
	v := h.Volume()
	path := s.fusePath(v)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", &sdk.Error{Kind: sdk.Unavailable, Op: "serve volume", Subject: path, Source: sdk.SourcePlugin, Err: err}
	}
	if err := s.daemon(ctx, h, "iscsi", s.fuseDir(v), []image.Export{{ID: fuseExport, Path: path, Writable: writable}}); err != nil {
		return "", err
	}
	// For a second the kernel remembers the size that the file had before it grew.
	var now unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC, unix.STATX_SIZE, &now); err != nil {
		return "", &sdk.Error{Kind: sdk.Unavailable, Op: "serve volume", Subject: path, Source: sdk.SourcePlugin, Err: err}
	}
	return path, nil
}

// daemon has a storage daemon run with these exports of one kind and no others. One
// that has none of them is ended first: it may have been started for reading alone. One
// that does not answer is killed, unless a writer would lose by it.
func (s *store) daemon(ctx context.Context, h *vault.Held, kind, dir string, want []image.Export) error {
	v := h.Volume()
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return &sdk.Error{Kind: sdk.Unavailable, Op: "serve volume", Subject: dir, Source: sdk.SourcePlugin, Err: err}
	}
	d, err := s.running(ctx, dir)
	if err != nil {
		return err
	}
	var have []image.Export
	if d != nil {
		have, err = d.Exports(ctx)
		if err != nil && atStake(v, kind) != nil {
			return err
		}
		if err != nil || !slices.ContainsFunc(have, func(x image.Export) bool { return slices.Contains(want, x) }) {
			if err := s.stopDaemon(ctx, dir); err != nil {
				return err
			}
			have = nil
		}
	}
	writable := slices.ContainsFunc(want, func(x image.Export) bool { return x.Writable })
	if d, err = s.images.Serve(ctx, files(v), image.ServeOptions{Dir: dir, ReadOnly: !writable}); err != nil {
		return err
	}
	if err := s.serving(ctx, h, kind, dir, d); err != nil {
		return err
	}
	for _, x := range have {
		if !slices.Contains(want, x) {
			if err := d.Close(ctx, x.ID); err != nil {
				return err
			}
		}
	}
	for _, x := range want {
		if err := d.Open(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// stopTargets ends what serves a volume over iSCSI.
func (s *store) stopTargets(ctx context.Context, v *vault.Volume) error {
	if s.targets != nil {
		if err := s.targets.Stop(ctx, key(v)); err != nil {
			return err
		}
	}
	return s.stopDaemon(ctx, s.fuseDir(v))
}

// stopDaemon ends a storage daemon that nobody writes through any more, and takes away
// what one that is gone has left.
func (s *store) stopDaemon(ctx context.Context, dir string) error {
	d, err := s.running(ctx, dir)
	if err != nil {
		return err
	}
	if d == nil {
		return s.images.Clear(dir)
	}
	all, err := d.Exports(ctx)
	if err != nil {
		return d.Kill(ctx)
	}
	for _, x := range all {
		if err := d.Close(ctx, x.ID); err != nil {
			return d.Kill(ctx)
		}
	}
	return d.Stop(ctx)
}

// running is the storage daemon of a runtime directory, nil where none can be.
func (s *store) running(ctx context.Context, dir string) (*image.Daemon, error) {
	if _, err := os.Lstat(dir); os.IsNotExist(err) {
		return nil, nil
	}
	return s.images.Find(ctx, dir)
}

// serveSockets is NBD over a unix socket.
func (s *store) serveSockets(ctx context.Context, h *vault.Held) error {
	v := h.Volume()
	uses := standing(v, "nbd")
	if len(uses) == 0 {
		return s.stopDaemon(ctx, s.nbdDir(v))
	}
	var want []image.Export
	for _, u := range uses {
		want = append(want, image.Export{ID: nbdName(u), Writable: u.Writable})
	}
	return s.daemon(ctx, h, "nbd", s.nbdDir(v), want)
}
