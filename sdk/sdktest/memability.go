package sdktest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var (
	_ sdk.Resizer   = (*MemProvider)(nil)
	_ sdk.Renamer   = (*MemProvider)(nil)
	_ sdk.Converter = (*MemProvider)(nil)
	_ sdk.Locker    = (*MemProvider)(nil)
)

// changeVolume does what an ability does to a volume that is there.
func (m *MemProvider) changeVolume(ctx context.Context, op string, owner *pb.Owner, id string, change func(s *memState, v *memVolume) error) (*pb.Volume, error) {
	if err := m.before(ctx, op); err != nil {
		return nil, err
	}
	var changed memVolume
	err := m.store.do(ctx, true, func(s *memState) error {
		v, there := find(s.Volumes, &pb.Owner{Broker: owner.GetBroker()}, id)
		if !there {
			return noSuchVolume()
		}
		if err := change(s, &v); err != nil {
			return err
		}
		s.put(v)
		changed = v
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m.wireVolume(changed), m.after(ctx, op)
}

// ResizeVolume lets a volume grow, in use or not.
func (m *MemProvider) ResizeVolume(ctx context.Context, req *pb.ResizeVolumeRequest) (*pb.Volume, error) {
	return m.changeVolume(ctx, "resize", req.GetOwner(), req.GetId(), func(s *memState, v *memVolume) error {
		switch size := req.GetSizeBytes(); {
		case size < v.Size:
			return &sdk.Error{Kind: sdk.Invalid, Op: "resize volume", Faults: []sdk.Fault{{Path: "size_bytes", Have: fmt.Sprint(size), Want: fmt.Sprintf("at least the %d that it has", v.Size)}}}
		case size-v.Size > m.freeBytes(s, v.Zone):
			return &sdk.Error{Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Source: sdk.SourceProvider, Op: "resize volume", Subject: "zone " + v.Zone, Text: "the zone is full"}
		default:
			v.Size = size
		}
		return nil
	})
}

// RenameVolume gives a volume another name.
func (m *MemProvider) RenameVolume(ctx context.Context, req *pb.RenameVolumeRequest) (*pb.Volume, error) {
	return m.changeVolume(ctx, "rename", req.GetOwner(), req.GetId(), func(_ *memState, v *memVolume) error {
		v.Name = req.GetName()
		return nil
	})
}

// ConvertVolume gives a volume that nobody uses another format, which takes the
// configured time.
func (m *MemProvider) ConvertVolume(ctx context.Context, req *pb.ConvertVolumeRequest) (*pb.Volume, error) {
	const op = "convert volume"
	return m.changeVolume(ctx, "convert", req.GetOwner(), req.GetId(), func(_ *memState, v *memVolume) error {
		switch {
		case v.Shareable:
			return &sdk.Error{Kind: sdk.Unsupported, Source: sdk.SourceProvider, Op: op, Subject: "volume " + v.ID, Text: "a shareable volume is a directory, which has no format"}
		case v.Format == req.GetFormat():
			v.Converting = nil
		case len(v.Exports) > 0:
			return heldBy(op, *v, v.Exports[0])
		case v.Converting == nil || v.Converting.Epoch != v.Epoch:
			v.Converting = &memConverting{Since: time.Now(), Epoch: v.Epoch}
		}
		if c := v.Converting; c != nil && time.Since(c.Since) >= m.config.Boot {
			v.Format, v.Converting = req.GetFormat(), nil
		}
		return nil
	})
}

// LockVolume notes who has a right to the volume.
func (m *MemProvider) LockVolume(ctx context.Context, req *pb.LockVolumeRequest) (*pb.Volume, error) {
	return m.changeVolume(ctx, "lock", nil, req.GetId(), func(_ *memState, v *memVolume) error {
		asked := memLock{Holder: req.GetLock().GetHolder(), Allocation: req.GetLock().GetAllocation(), Since: time.Now()}
		if l := v.Lock; l != nil {
			if l.Holder == asked.Holder && l.Allocation == asked.Allocation {
				return nil
			}
			return &sdk.Error{Kind: sdk.Busy, Source: sdk.SourceProvider, Op: "lock volume", Subject: "volume " + v.ID, Text: l.Holder + " has locked it since " + l.Since.UTC().Format(time.RFC3339)}
		}
		for _, x := range v.Exports {
			if !x.ReadOnly && !asked.holds(ownerOf(x.Labels)) {
				return heldBy("lock volume", *v, x)
			}
		}
		v.Lock = &asked
		return nil
	})
}

// UnlockVolume gives the right back; by force it ends every attachment that may
// write first.
func (m *MemProvider) UnlockVolume(ctx context.Context, req *pb.UnlockVolumeRequest) (*pb.Volume, error) {
	return m.changeVolume(ctx, "unlock", nil, req.GetId(), func(_ *memState, v *memVolume) error {
		switch l := v.Lock; {
		case req.GetForce():
			v.Exports = slices.DeleteFunc(slices.Clone(v.Exports), func(x memExport) bool { return !x.ReadOnly })
		case l != nil && l.Holder != req.GetHolder():
			return &sdk.Error{
				Kind: sdk.Denied, Source: sdk.SourceProvider, Op: "unlock volume", Subject: "volume " + v.ID,
				Text: l.Holder + " has locked it since " + l.Since.UTC().Format(time.RFC3339), Hint: "--force cuts off who writes, and then unlocks",
			}
		}
		v.Lock = nil
		return nil
	})
}
