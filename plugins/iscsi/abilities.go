package iscsi

import (
	"context"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var (
	_ sdk.Resizer = (*Provider)(nil)
	_ sdk.Locker  = (*Provider)(nil)
	_ sdk.Renamer = (*Provider)(nil)
)

// held finds a volume that may be written and keeps other calls of this process from
// it until unlock.
func (p *Provider) held(ctx context.Context, op string, owner *pb.Owner, id string) (f found, unlock func(), err error) {
	unlock, err = p.busy.Lock(ctx, id)
	if err != nil {
		return f, nil, err
	}
	f, err = p.lookup(ctx, &pb.Owner{Broker: owner.GetBroker()}, id)
	if err == nil {
		f, err = f.writable(op)
	}
	if err == nil {
		err = p.store.resume(ctx, f)
	}
	if err != nil {
		unlock()
		return f, nil, err
	}
	return f, unlock, nil
}

// shown is a volume as it is now.
func (p *Provider) shown(ctx context.Context, f found) (*pb.Volume, error) {
	now, err := p.store.find(ctx, f.id())
	if err != nil {
		return nil, err
	}
	return p.store.wire(now, p.store.peers(ctx, now.Volume)), nil
}

// ResizeVolume lets a volume grow, in use too; sizes are rounded up. One whose file a
// machine has open itself is answered with what that machine is to do.
func (p *Provider) ResizeVolume(ctx context.Context, req *pb.ResizeVolumeRequest) (*pb.Volume, error) {
	f, unlock, err := p.held(ctx, opResize, req.GetOwner(), req.GetId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	size := roundUp(req.GetSizeBytes())
	// What is on record counts already.
	if has := max(f.Meta.SizeBytes, f.State.ResizeBytes); size > has {
		if err := p.store.fits(ctx, opResize, f.at, size-has); err != nil {
			return nil, err
		}
	}
	waits, err := p.store.grow(ctx, f, size, req.GetHolderGrows())
	if err != nil {
		return nil, err
	}
	now, err := p.shown(ctx, f)
	if err == nil && waits != "" {
		now.Growth = &pb.VolumeGrowth{SizeBytes: size, AttachmentId: waits}
	}
	return now, err
}

// RenameVolume gives a volume another name; its folder stays.
func (p *Provider) RenameVolume(ctx context.Context, req *pb.RenameVolumeRequest) (*pb.Volume, error) {
	f, unlock, err := p.held(ctx, "rename volume", req.GetOwner(), req.GetId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := f.at.vault.Rename(ctx, f.Ref(), req.GetName()); err != nil {
		return nil, err
	}
	return p.shown(ctx, f)
}

// LockVolume records whose the volume is.
func (p *Provider) LockVolume(ctx context.Context, req *pb.LockVolumeRequest) (*pb.Volume, error) {
	f, unlock, err := p.held(ctx, "lock volume", nil, req.GetId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	l := vault.Lock{Holder: req.GetLock().GetHolder(), Allocation: req.GetLock().GetAllocation()}
	if _, err := f.at.vault.TakeLock(ctx, f.Ref(), l); err != nil {
		return nil, err
	}
	return p.shown(ctx, f)
}

// UnlockVolume gives a lock back; by force every writer is cut off first. That does
// not wait for what was begun with the volume and has not ended.
func (p *Provider) UnlockVolume(ctx context.Context, req *pb.UnlockVolumeRequest) (*pb.Volume, error) {
	unlock, err := p.busy.Lock(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	f, err := p.store.find(ctx, req.GetId())
	if err == nil && !f.alone { // a copy may have come with a lock
		f, err = f.writable("unlock volume")
	}
	if err != nil {
		return nil, err
	}
	_, err = f.at.vault.ReleaseLock(ctx, f.Ref(), vault.Unlock{
		Holder: req.GetHolder(), Force: req.GetForce(),
		Fence: func(ctx context.Context, u vault.Use) error { return p.store.fence(ctx, f.Volume, u, true) },
	})
	if err != nil {
		return nil, err
	}
	p.step("unlock.released")
	if err := p.store.settle(ctx, f); err != nil {
		p.log.Warn("what served the volume was not settled", "volume", f.ID, "error", err)
	}
	return p.shown(ctx, f)
}
