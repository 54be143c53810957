package host

import (
	"context"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	resizerService = "meson.plugin.v1.Resizer"
	lockerService  = "meson.plugin.v1.Locker"
	renamerService = "meson.plugin.v1.Renamer"

	converterService = "meson.plugin.v1.Converter"
)

// ResizeVolume lets a volume grow to at least a size. With HolderGrows the answer
// may be a volume that is smaller and says which attachment's machine is to grow it.
func (p *Provider) ResizeVolume(ctx context.Context, req core.VolumeResize) (core.Volume, error) {
	ref := core.VolumeRef{ID: req.VolumeID}
	return p.changeVolume(ctx, "resize volume", resizerService, ref, func(ctx context.Context, s *session) (*pb.Volume, error) {
		return pb.NewResizerClient(s.conn).ResizeVolume(ctx, &pb.ResizeVolumeRequest{
			Provider: p.config.Name, Owner: refOwner(ref.Owner, ref.ID), Id: ref.ID, SizeBytes: uint64(max(req.SizeBytes, 0)), HolderGrows: req.HolderGrows,
		})
	}, func(v core.Volume) error {
		growing := req.HolderGrows && v.Growth != nil && v.Growth.Attachment != "" && v.Growth.SizeBytes >= req.SizeBytes
		if v.SizeBytes < req.SizeBytes && !growing {
			return against("a volume", "size_bytes", "%d: %d were asked for", v.SizeBytes, req.SizeBytes)
		}
		return nil
	})
}

// RenameVolume gives a volume another name; ref must have its id, here and below.
func (p *Provider) RenameVolume(ctx context.Context, ref core.VolumeRef, name string) (core.Volume, error) {
	return p.changeVolume(ctx, "rename volume", renamerService, ref, func(ctx context.Context, s *session) (*pb.Volume, error) {
		return pb.NewRenamerClient(s.conn).RenameVolume(ctx, &pb.RenameVolumeRequest{
			Provider: p.config.Name, Owner: refOwner(ref.Owner, ref.ID), Id: ref.ID, Name: name,
		})
	}, func(v core.Volume) error {
		if v.Name != name {
			return against("a volume", "name", "%q: %q was asked for", v.Name, cut(name, 64))
		}
		return nil
	})
}

// ConvertVolume has a volume rewritten in a format. While that takes long the answer
// is the volume as it still is, with its Progress; the same is asked again then.
func (p *Provider) ConvertVolume(ctx context.Context, ref core.VolumeRef, format string) (core.Volume, error) {
	return p.changeVolume(ctx, "convert volume", converterService, ref, func(ctx context.Context, s *session) (*pb.Volume, error) {
		return pb.NewConverterClient(s.conn).ConvertVolume(ctx, &pb.ConvertVolumeRequest{
			Provider: p.config.Name, Owner: refOwner(ref.Owner, ref.ID), Id: ref.ID, Format: format,
		})
	}, func(v core.Volume) error {
		if v.Format != format && v.Progress.Step == "" {
			return against("a volume", "format", "%q, and no progress: %q was asked for", v.Format, cut(format, 40))
		}
		return nil
	})
}

// LockVolume takes a volume for a holder: from then on nobody else's export for
// writing begins. The same holder again is no change, another is Busy.
func (p *Provider) LockVolume(ctx context.Context, id string, lock core.VolumeLock) (core.Volume, error) {
	return p.changeVolume(ctx, "lock volume", lockerService, core.VolumeRef{ID: id}, func(ctx context.Context, s *session) (*pb.Volume, error) {
		return pb.NewLockerClient(s.conn).LockVolume(ctx, &pb.LockVolumeRequest{Provider: p.config.Name, Id: id, Lock: volumeLockToPB(lock)})
	}, func(v core.Volume) error {
		if v.Lock == nil || v.Lock.Holder != lock.Holder {
			return against("a volume", "lock", "it is not locked by %s, who asked for that", cut(lock.Holder, 128))
		}
		return nil
	})
}

// UnlockVolume gives a lock back. Of another holder it is Denied without force,
// which first cuts off whoever writes; where that is not known to have worked it
// is Uncertain.
func (p *Provider) UnlockVolume(ctx context.Context, id, holder string, force bool) (core.Volume, error) {
	return p.changeVolume(ctx, "unlock volume", lockerService, core.VolumeRef{ID: id}, func(ctx context.Context, s *session) (*pb.Volume, error) {
		return pb.NewLockerClient(s.conn).UnlockVolume(ctx, &pb.UnlockVolumeRequest{Provider: p.config.Name, Id: id, Holder: holder, Force: force})
	}, func(v core.Volume) error {
		if v.Lock != nil {
			return against("a volume", "lock", "it is still locked by %s", v.Lock.Holder)
		}
		return nil
	})
}

// changeVolume makes a call that answers with the volume as it is then; right
// looks at whether that is what was asked for.
func (p *Provider) changeVolume(ctx context.Context, op, service string, ref core.VolumeRef,
	call func(context.Context, *session) (*pb.Volume, error), right func(core.Volume) error,
) (core.Volume, error) {
	if ref.ID == "" {
		return core.Volume{}, &core.Error{Kind: core.Invalid, Op: op, Subject: "provider " + p.config.Name, Text: "want the id of a volume"}
	}
	var after core.Volume
	err := p.change(ctx, op, service, func(ctx context.Context, s *session) error {
		answer, err := call(ctx, s)
		if err != nil {
			return err
		}
		if after, err = p.volume(answer, askedForVolume(ref)); err != nil {
			return err
		}
		return right(after)
	})
	if err != nil {
		return core.Volume{}, err
	}
	return after, nil
}
