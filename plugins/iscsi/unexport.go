package iscsi

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const opUnexport = "end export of volume"

// Unexport cuts the attachment off at the server of the bytes, and then removes its
// record. Where the machine opens the file itself there is no such server: it must
// have let go, which its own lock on the image tells.
func (p *Provider) Unexport(ctx context.Context, req *pb.UnexportRequest) error {
	unlock, err := p.busy.Lock(ctx, req.GetVolumeId())
	if err != nil {
		return err
	}
	defer unlock()
	f, err := p.store.find(ctx, req.GetVolumeId())
	if sdk.KindOf(err) == sdk.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	// A use stands where it began, which need not be the place that is written now.
	for _, at := range p.store.placesOf(f) {
		if at.Use(req.GetAttachmentId()) != nil {
			if err := p.store.end(ctx, at, req.GetAttachmentId(), req.GetForce()); err != nil {
				return err
			}
			p.step("unexport.ended")
		}
		// What serves nothing any more is ended. That it is not, keeps nobody.
		if err := p.store.settle(ctx, at); err != nil {
			p.log.Warn("what served the volume was not settled", "volume", f.ID, "error", err)
		}
	}
	return nil
}

// end ends one use.
func (s *store) end(ctx context.Context, f found, id string, force bool) error {
	_, err := f.at.vault.EndUse(ctx, f.Ref(), id, func(ctx context.Context, u vault.Use) error {
		return s.fence(ctx, f.Volume, u, force)
	})
	return err
}

// fence returns nil only when who has the use can neither read nor write any more.
// For a writer there is a proof beside the daemon's word: the image's lock, which
// also a daemon holds that is not found from here, such as one of a provider with
// another runtime_dir.
func (s *store) fence(ctx context.Context, v *vault.Volume, u vault.Use, force bool) error {
	if err := s.cutOff(ctx, v, u, force); err != nil || !u.Writable || u.Kind != "iscsi" && u.Kind != "nbd" {
		return err
	}
	// A writer was alone: what served it serves nobody now.
	stop := s.stopTargets
	if u.Kind == "nbd" {
		stop = func(ctx context.Context, v *vault.Volume) error { return s.stopDaemon(ctx, s.nbdDir(v)) }
	}
	if err := stop(ctx, v); err != nil || v.DataFile == "" {
		return err
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		use, err := image.InUse(v.Data())
		switch {
		case err == nil && !use.Writing:
			return nil
		case sdk.KindOf(err) == sdk.NotFound && s.in(v.Vault).vault.Present() == nil:
			return nil // there is no image, and not for want of a mount
		case time.Now().Before(end) && ctx.Err() == nil:
		case err != nil:
			return &sdk.Error{Kind: sdk.Uncertain, Op: opUnexport, Subject: "volume " + v.ID, Source: sdk.SourceProvider, Text: "whether somebody still writes its image is not known", Err: err}
		default:
			return &sdk.Error{
				Kind: sdk.Uncertain, Op: opUnexport, Subject: "volume " + v.ID, Source: sdk.SourceProvider,
				Text: "nothing in " + s.dir + " serves attachment " + u.ID + " any more, and yet a process has " + v.Data() + " open for writing",
				Hint: "end it by the provider that has served it, with its runtime_dir, or end that process",
			}
		}
	}
}

// lockPatience is how long a process that was ended, or was just being started by
// this one, may still have the lock of an image.
const lockPatience = 2 * time.Second

// cutOff has who serves a use serve it no more.
func (s *store) cutOff(ctx context.Context, v *vault.Volume, u vault.Use, force bool) error {
	switch u.Kind {
	case "iscsi":
		if s.targets == nil {
			return s.config.notServed("iSCSI", "address")
		}
		return s.targets.Fence(ctx, key(v), u.IQN)
	case "nbd":
		d, err := s.running(ctx, s.nbdDir(v))
		if err != nil || d == nil {
			return err
		}
		if err := d.Close(ctx, nbdName(u)); err != nil {
			// It does not answer: dead, it serves nobody, and who is left is served anew.
			return d.Kill(ctx)
		}
		return nil
	case "nfs":
		return s.serveShares(ctx, nil, []string{u.ID})
	}
	return s.letGo(v, u, force)
}

// letGo asks QEMU's own lock whether a machine of this host still has the file.
func (s *store) letGo(v *vault.Volume, u vault.Use, force bool) error {
	use, err := image.InUse(v.Data())
	if err != nil {
		return &sdk.Error{Kind: sdk.Uncertain, Op: opUnexport, Subject: "volume " + v.ID, Source: sdk.SourceProvider, Text: "whether the machine still has the file is not known", Err: err}
	}
	// Others that read keep the file open too, and cannot be told apart.
	others, err := s.in(v.Vault).vault.Reading(v)
	if err != nil {
		return err
	}
	for _, other := range v.State.Uses {
		if other.ID != u.ID {
			others++
		}
	}
	if u.Writable && use.Writing || use.Open && others == 0 {
		e := &sdk.Error{
			Kind: sdk.Busy, Op: opUnexport, Subject: "volume " + v.ID, Source: sdk.SourceProvider,
			Text: "the machine of allocation " + u.Allocation + " (attachment " + u.ID + ") still has the file open", Hint: "detach it there, or stop the machine",
		}
		if force {
			e.Kind, e.Text = sdk.Uncertain, e.Text+", and nobody but its host can take it away"
		}
		return e
	}
	return nil
}
