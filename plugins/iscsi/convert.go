package iscsi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Converter = (*Provider)(nil)

const opConvert = "convert volume"

// convertPatience is how long a ConvertVolume waits before it says how far it is.
const convertPatience = 500 * time.Millisecond

// ConvertVolume writes what a volume holds to a new file, without the volume's lock,
// and puts that in the place of its image. Snapshots stay: they are files of their own.
func (p *Provider) ConvertVolume(ctx context.Context, req *pb.ConvertVolumeRequest) (*pb.Volume, error) {
	f, unlock, err := p.held(ctx, opConvert, req.GetOwner(), req.GetId())
	if err != nil {
		return nil, err
	}
	unlock()
	if f.Directory {
		return nil, &sdk.Error{Kind: sdk.Unsupported, Op: opConvert, Subject: "volume " + f.ID, Source: sdk.SourceProvider, Text: "a shareable volume is a directory, which has no format"}
	}
	to, all := vault.Format(req.GetFormat()), &p.store.converting
	c, err := all.of(f.ID, to)
	if err != nil {
		return nil, err
	}
	if c == nil && f.State.Format == to {
		return p.shown(ctx, f)
	}
	if c == nil {
		c = all.begin(p.working, &p.wg, f.ID, to, func(ctx context.Context, c *conversion) error { return p.store.convert(ctx, f, c) })
	}
	timer := time.NewTimer(convertPatience)
	defer timer.Stop()
	select {
	case <-c.done:
		all.told(f.ID, c)
		if c.err != nil {
			return nil, c.err
		}
		p.wg.Go(func() { p.store.compact(p.working, f) })
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return p.shown(ctx, f)
}

// convert gives a volume that nobody uses another format. It has the volume's lock to
// open what is read, and to put what was written in its place; who attaches or changes
// it in between has it as it was.
func (s *store) convert(ctx context.Context, f found, c *conversion) error {
	var (
		was  *vault.Volume
		file os.FileInfo
		r    *reading
	)
	err := f.at.vault.Hold(ctx, f.Ref(), func(ctx context.Context, h *vault.Held) (err error) {
		if err := errors.Join(s.finish(ctx, h), h.Record(opConvert)); err != nil {
			return err
		}
		if err := h.Idle(opConvert); err != nil {
			return err
		}
		if was = h.Volume(); was.State.Format == c.to {
			return nil
		}
		if file, err = os.Stat(was.Data()); err != nil {
			return err
		}
		r, err = s.read(ctx, h, opConvert, "a conversion", "")
		return err
	})
	if err != nil || r == nil {
		return err
	}
	// What was written aside goes with it.
	defer r.mark.End()
	s.step("convert.opened")
	made, err := s.convertAside(ctx, f, r, c)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	s.step("convert.written")
	return f.at.vault.Hold(ctx, f.Ref(), func(ctx context.Context, h *vault.Held) error {
		if err := s.finish(ctx, h); err != nil {
			return err
		}
		if err := h.Idle(opConvert); err != nil {
			return err
		}
		if err := unchanged(h.Volume(), was, file); err != nil {
			return err
		}
		return s.do(ctx, h, change{Change: image.Change{Op: image.OpConvert, Format: image.Format(c.to), File: made}})
	})
}

// convertAside writes what is read to a file beside the volumes, if there is room.
func (s *store) convertAside(ctx context.Context, f found, r *reading, c *conversion) (string, error) {
	if err := s.roomFor(ctx, f, r, c.to); err != nil {
		return "", err
	}
	dir, err := r.mark.Scratch()
	if err != nil {
		return "", err
	}
	near, err := oneFilesystem(dir, f.Folder)
	if err != nil {
		return "", err
	}
	if !near {
		return "", &sdk.Error{
			Kind: sdk.Unsupported, Op: opConvert, Subject: "volume " + f.ID, Source: sdk.SourceProvider,
			Text: f.Folder + " is on another filesystem than its vault", Hint: "export it and import it again",
		}
	}
	_, err = r.Copy(ctx, dir, image.CopyOptions{Format: image.Format(c.to), Progress: func(phase string, percent float64) {
		s.step("convert.copying")
		c.progress(phase, percent)
	}})
	return filepath.Join(dir, image.DataFile), err
}

// roomFor refuses a conversion for which the vault's filesystem has no room: both files
// are there at its end. For the limits of the vault the volume counts as before.
func (s *store) roomFor(ctx context.Context, f found, r *reading, to vault.Format) error {
	return s.roomBeside(ctx, f, r, to, opConvert, "make room, or clone it in another vault")
}

// roomBeside refuses to write all that is read beside it, where the vault's filesystem
// has no room for that: volumes that are written would be the ones to fail.
func (s *store) roomBeside(ctx context.Context, f found, r *reading, to vault.Format, op, hint string) error {
	need, err := r.Measure(ctx)
	if err != nil {
		return err
	}
	if to == vault.Raw {
		need = min(need, f.Meta.SizeBytes)
	}
	sp, err := f.at.vault.Space(ctx)
	if err != nil {
		return err
	}
	reserve := uint64(s.config.ReserveGiB) * vault.GiB
	left := sp.FreeBytes - min(sp.FreeBytes, reserve)
	if need <= left {
		return nil
	}
	return &sdk.Error{
		Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: op, Subject: "vault " + f.at.name, Source: sdk.SourceProvider,
		Text: fmt.Sprintf("as %s it takes about %d MiB beside what it takes now, and %d MiB are free, without the reserve of %d GiB",
			to, (need+1<<20-1)>>20, left>>20, s.config.ReserveGiB),
		Hint: hint,
	}
}

// unchanged is Busy if a volume does not hold any more what it did when its file was
// opened: who writes, grows, reverts or freezes it leaves one of these different.
func unchanged(now, was *vault.Volume, file os.FileInfo) error {
	at, err := os.Stat(now.Data())
	if err != nil {
		return err
	}
	if os.SameFile(at, file) && now.State.Epoch == was.State.Epoch && now.State.Format == was.State.Format &&
		now.State.Parent == was.State.Parent && now.Meta.SizeBytes == was.Meta.SizeBytes {
		return nil
	}
	return &sdk.Error{
		Kind: sdk.Busy, Op: opConvert, Subject: "volume " + now.ID, Source: sdk.SourceProvider,
		Text: "it was used or changed meanwhile, and is what it was", Hint: "try again",
	}
}
