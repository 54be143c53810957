package sdktest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// CreateVolume makes a volume at once; it is available after the configured time.
func (m *MemProvider) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	if err := m.before(ctx, "create-volume"); err != nil {
		return nil, err
	}
	v, err := m.ensureVolume(ctx, req, nil)
	if err != nil {
		return nil, err
	}
	return m.wireVolume(v), m.after(ctx, "create-volume")
}

// ensureVolume makes a volume that holds data, or what the request says.
func (m *MemProvider) ensureVolume(ctx context.Context, req *pb.CreateVolumeRequest, data []byte) (memVolume, error) {
	zone, ok := m.zone(req.GetOffer().GetZone())
	if !ok || m.config.Storage == nil {
		return memVolume{}, &sdk.Error{Kind: sdk.Invalid, Op: "create volume", Faults: []sdk.Fault{{Path: "offer.zone", Have: req.GetOffer().GetZone(), Want: "a zone of this provider with storage"}}}
	}
	return sdk.Ensure(ctx, sdk.EnsureOps[memVolume]{
		Find: func(ctx context.Context) (found memVolume, there bool, err error) {
			err = m.store.do(ctx, false, func(s *memState) error {
				found, there = find(s.Volumes, req.GetOwner(), "")
				return nil
			})
			return found, there, err
		},
		Request: func(v memVolume) string { return v.owner().GetRequest() },
		Create:  func(ctx context.Context) (memVolume, error) { return m.makeVolume(ctx, zone, req, data) },
	}, req.GetOwner())
}

func (m *MemProvider) makeVolume(ctx context.Context, zone MemZone, req *pb.CreateVolumeRequest, data []byte) (made memVolume, err error) {
	err = m.store.do(ctx, true, func(s *memState) error {
		if _, there := find(s.Volumes, req.GetOwner(), ""); there {
			return sdk.Errorf(sdk.Conflict, "the key is taken")
		}
		if why := m.quoteOnly(zone); why != "" {
			return &sdk.Error{Kind: sdk.Denied, Source: sdk.SourceProvider, Op: "create volume", Subject: "zone " + zone.Name, Text: why}
		}
		spec := req.GetSpec()
		if m.freeBytes(s, zone.Name) < spec.GetSizeBytes() {
			return &sdk.Error{Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Source: sdk.SourceProvider, Op: "create volume", Subject: "zone " + zone.Name, Text: "the zone is full"}
		}
		if err := s.origin(req, &data); err != nil {
			return err
		}
		s.Serial++
		made = memVolume{
			memKept: newKept(fmt.Sprintf("vol-%06d", s.Serial), req.GetName(), req.GetOwner()), Zone: zone.Name,
			Size: spec.GetSizeBytes(), Bootable: spec.GetBootable(), Shareable: spec.GetShareable(), ReadOnly: spec.GetReadOnly(),
			Private: spec.GetPrivate(), Format: spec.GetFormat(), Ready: time.Now().Add(m.config.Boot), Data: trimmed(data),
		}
		if made.Format == "" {
			made.Format = "raw"
		}
		s.put(made)
		return nil
	})
	return made, err
}

// origin puts into data what a new volume is made from.
func (s *memState) origin(req *pb.CreateVolumeRequest, data *[]byte) error {
	size, what, there := uint64(0), "", true
	switch from := req.GetOrigin().(type) {
	case *pb.CreateVolumeRequest_Image:
		url := from.Image.GetUrl()
		if i, ok := s.Images[url]; ok {
			url = i.URL
		}
		*data = []byte(url)
		if err := imageFault(url, from.Image.GetSha256()); err != nil {
			return err
		}
	case *pb.CreateVolumeRequest_SnapshotId:
		var snapshot memSnapshot
		snapshot, there = s.Snapshots[from.SnapshotId]
		*data, size, what = snapshot.Data, snapshot.Size, "snapshot "+from.SnapshotId
	case *pb.CreateVolumeRequest_VolumeId:
		var v memVolume
		v, there = s.Volumes[from.VolumeId]
		*data, size, what = v.Data, v.Size, "volume "+from.VolumeId
	}
	*data = bytes.Clone(*data)
	switch {
	case !there:
		return &sdk.Error{Kind: sdk.Invalid, Op: "create volume", Faults: []sdk.Fault{{Path: "origin", Have: what, Want: "one that is there"}}}
	case size > req.GetSpec().GetSizeBytes():
		return &sdk.Error{Kind: sdk.Invalid, Op: "create volume", Faults: []sdk.Fault{{Path: "spec.size_bytes", Have: fmt.Sprint(req.GetSpec().GetSizeBytes()), Want: fmt.Sprintf("at least the %d bytes of %s", size, what)}}}
	}
	return nil
}

// GetVolume finds a volume by key or id.
func (m *MemProvider) GetVolume(ctx context.Context, req *pb.GetVolumeRequest) (*pb.Volume, error) {
	if err := m.before(ctx, "get-volume"); err != nil {
		return nil, err
	}
	found, err := m.lookupVolume(ctx, req.GetOwner(), req.GetId())
	if err != nil {
		return nil, err
	}
	return m.wireVolume(found), m.after(ctx, "get-volume")
}

func noSuchVolume() error { return sdk.Errorf(sdk.NotFound, "no such volume") }

func (m *MemProvider) lookupVolume(ctx context.Context, owner *pb.Owner, id string) (found memVolume, err error) {
	err = m.store.do(ctx, false, func(s *memState) error {
		var there bool
		if found, there = find(s.Volumes, owner, id); !there {
			return noSuchVolume()
		}
		return nil
	})
	return found, err
}

// DeleteVolume removes a volume that nobody uses.
func (m *MemProvider) DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) error {
	if err := m.before(ctx, "delete-volume"); err != nil {
		return err
	}
	err := m.store.do(ctx, true, func(s *memState) error {
		found, there := find(s.Volumes, req.GetOwner(), req.GetId())
		if !there {
			return nil
		}
		if len(found.Exports) > 0 {
			return heldBy("delete volume", found, found.Exports[0])
		}
		delete(s.Volumes, found.ID)
		maps.DeleteFunc(s.Snapshots, func(_ string, of memSnapshot) bool { return of.Volume == found.ID })
		return nil
	})
	if err != nil {
		return err
	}
	return m.after(ctx, "delete-volume")
}

// ListVolumes sends the broker's volumes, or all, oldest first.
func (m *MemProvider) ListVolumes(ctx context.Context, req *pb.ListVolumesRequest, send func(*pb.Volume) error) error {
	all := func(s *memState) map[string]memVolume { return s.Volumes }
	return list(ctx, m, "list-volumes", all, ofBroker[memVolume](req.GetBroker()), m.wireVolume, send)
}

// WatchVolume sends a volume after each change of it.
func (m *MemProvider) WatchVolume(ctx context.Context, req *pb.GetVolumeRequest, send func(*pb.Volume) error) error {
	if err := m.before(ctx, "watch-volume"); err != nil {
		return err
	}
	look := func() (*pb.Volume, error) {
		found, err := m.lookupVolume(ctx, req.GetOwner(), req.GetId())
		return m.wireVolume(found), err
	}
	gone := func(v *pb.Volume) { v.State, v.Progress = pb.VolumeState_VOLUME_STATE_GONE, nil }
	return follow(ctx, look, gone, send)
}
