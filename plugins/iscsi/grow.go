package iscsi

import (
	"cmp"
	"context"
	"fmt"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const opResize = "resize volume"

// fileWriter is the use of a machine of this host that has a volume's file for
// writing, nil without one.
func fileWriter(v *vault.Volume) *vault.Use {
	for _, u := range standing(v, "file") {
		if u.Writable {
			return &u
		}
	}
	return nil
}

// grow lets a volume grow; who is connected is told as its way allows. A file that a
// machine has open is that machine's to grow: with holder the size is counted and on
// record, and nothing is wrong, until it has; without, it is Busy before anything is
// recorded. waits is the attachment of that machine.
func (s *store) grow(ctx context.Context, f found, size uint64, holder bool) (waits string, err error) {
	if err := overSockets(f.Volume, size); err != nil {
		return "", err
	}
	if !holder {
		if err := s.mayGrow(f.Volume, size); err != nil {
			return "", err
		}
	}
	if err := s.setApart(ctx, f, opResize); err != nil {
		return "", err
	}
	_, err = f.at.vault.Resize(ctx, f.Ref(), size, func(ctx context.Context, h *vault.Held) error {
		if h.Volume().Directory {
			return nil
		}
		if err := h.Record(opResize); err != nil {
			return err
		}
		s.step("resize.noted")
		u := fileWriter(h.Volume())
		if u == nil {
			return s.do(ctx, h, change{Change: image.Change{Op: image.OpResize, SizeBytes: size}})
		}
		if err := s.finish(ctx, h); err != nil {
			return err
		}
		// The size on record is all that it needs. More would be in the way of the
		// machine, which may start at any time.
		err := s.images.Grow(ctx, files(h.Volume()), size)
		if sdk.KindOf(err) == sdk.Busy {
			waits = u.ID
		}
		return err
	})
	switch {
	case waits != "" && holder:
		return waits, nil
	case err != nil:
		return "", err
	}
	s.step("resize.recorded")
	// Now that the new size is on record, tgtd is told of it.
	return "", s.settle(ctx, f)
}

// overSockets refuses to let a volume grow that is reached over NBD: its clients are
// told a size once, and cut off where it changes, so that a machine's requests fail.
func overSockets(v *vault.Volume, size uint64) error {
	uses := standing(v, "nbd")
	if len(uses) == 0 || size <= max(v.Meta.SizeBytes, v.State.ResizeBytes) {
		return nil
	}
	u := uses[0]
	return &sdk.Error{
		Kind: sdk.Busy, Op: opResize, Subject: "volume " + v.ID, Source: sdk.SourceProvider,
		Text: fmt.Sprintf("attachment %s of allocation %s reaches it over nbd, where who is connected does not see it grow, but is cut off", u.ID, u.Allocation),
		Hint: "detach it, resize it, and attach it again",
	}
}

// mayGrow refuses what only the machine can do that has the file open.
func (s *store) mayGrow(v *vault.Volume, size uint64) error {
	u := fileWriter(v)
	if u == nil {
		return nil
	}
	open, err := s.waitsFor(v, size)
	if err != nil || !open {
		return err
	}
	return &sdk.Error{
		Kind: sdk.Busy, Op: opResize, Subject: "volume " + v.ID, Source: sdk.SourceProvider,
		Text: fmt.Sprintf("the machine of allocation %s (attachment %s) has its file open itself, and nobody but that machine may grow it", u.Allocation, u.ID),
		Hint: "resize it from where the machine was made, or stop the machine",
	}
}

// waitsFor reports whether a size depends on a machine that has the file open.
func (s *store) waitsFor(v *vault.Volume, size uint64) (bool, error) {
	if have, err := s.images.Size(files(v)); err != nil || have >= size {
		return false, err
	}
	use, err := image.InUse(v.Data())
	return use.Writing, err
}

// wireGrowth says what a volume is growing to, and who is to do it.
func (s *store) wireGrowth(v *vault.Volume, out *pb.Volume) {
	to := v.State.ResizeBytes
	if to <= v.Meta.SizeBytes {
		return
	}
	out.Growth = &pb.VolumeGrowth{SizeBytes: to}
	u := fileWriter(v)
	if u == nil {
		return
	}
	if open, err := s.waitsFor(v, to); err != nil || !open {
		return
	}
	out.Growth.AttachmentId = u.ID
	out.Message = cmp.Or(out.Message, fmt.Sprintf("it grows to %s, and the machine of allocation %s, which has its file open, has not grown it yet", gibText(to), u.Allocation))
}

// grown is the volume for the engine, with what its image has grown already of a
// growth that is on record: a machine may have written there, and what is made to
// stand on the image must not hide it.
func (s *store) grown(v *vault.Volume) (image.Volume, error) {
	work := files(v)
	if v.State.ResizeBytes <= v.Meta.SizeBytes {
		return work, nil
	}
	have, err := s.images.Size(work)
	work.Layout.SizeBytes = max(v.Meta.SizeBytes, min(have, v.State.ResizeBytes))
	return work, err
}
