package iscsi

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// GetVolume finds a volume by key or by id.
func (p *Provider) GetVolume(ctx context.Context, req *pb.GetVolumeRequest) (*pb.Volume, error) {
	f, err := p.lookup(ctx, req.GetOwner(), req.GetId())
	if sdk.KindOf(err) == sdk.NotFound {
		if v := p.underway(ctx, req.GetOwner()); v != nil {
			return v, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return p.store.wire(f, p.store.peers(ctx, f.Volume)), nil
}

// lookup is the volume that a request names.
func (p *Provider) lookup(ctx context.Context, owner *pb.Owner, id string) (found, error) {
	if owner.GetKey() != "" {
		return p.store.owned(ctx, owner.GetBroker(), owner.GetKey())
	}
	f, err := p.store.find(ctx, id)
	if err == nil && !f.alone && owner.GetBroker() != "" && ownerOf(f.State.Owner).GetBroker() != owner.GetBroker() {
		return found{}, noVolume("volume " + id)
	}
	return f, err
}

// underway is a volume of a key that is being made, by this process or another.
func (p *Provider) underway(ctx context.Context, owner *pb.Owner) *pb.Volume {
	if owner.GetKey() == "" {
		return nil
	}
	if j := p.jobs.underway(owner); j != nil {
		v := j.wire()
		v.Region, v.Zone = p.config.Region, p.config.zone()
		return v
	}
	for _, v := range p.building(ctx, owner.GetBroker()) {
		if v.GetOwner().GetKey() == owner.GetKey() {
			return v
		}
	}
	return nil
}

// building are the volumes of a broker, or of all, that other processes are making.
func (p *Provider) building(ctx context.Context, broker string) (out []*pb.Volume) {
	for _, at := range p.store.vaults {
		all, err := at.vault.Building(ctx)
		if err != nil {
			p.log.Warn("what is being made is not known", "vault", at.name, "error", err)
		}
		for _, u := range all {
			if broker == "" || u.Owner.Broker == broker {
				out = append(out, p.store.wireBuilding(at, u))
			}
		}
	}
	return out
}

func (s *store) wireBuilding(at *place, u vault.Underway) *pb.Volume {
	n := vault.New{Meta: u.Meta}
	return &pb.Volume{
		Id: u.ID, Owner: ownerOf(&u.Owner), Name: u.Meta.Name, State: pb.VolumeState_VOLUME_STATE_CREATING, Spec: specOf(n),
		Region: s.config.Region, Zone: s.config.zone(), Tier: at.name, Progress: &pb.Progress{Step: "make"},
	}
}

// ListVolumes sends the broker's volumes, or every one of the vaults, with what is
// wrong with those that are damaged; of what lies in several vaults each place beside
// the volume, by its own id.
func (p *Provider) ListVolumes(ctx context.Context, req *pb.ListVolumesRequest, send func(*pb.Volume) error) error {
	all, err := p.store.all(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Folder, b.Folder)) })
	seen := map[string]bool{}
	for _, f := range all {
		if req.GetBroker() != "" && ownerOf(f.State.Owner).GetBroker() != req.GetBroker() {
			continue
		}
		seen[f.ID] = true
		if err := send(p.store.wire(f, p.store.peers(ctx, f.Volume))); err != nil {
			return err
		}
		if req.GetBroker() != "" {
			continue // a place is nobody's
		}
		for _, other := range p.store.others(f) {
			if err := send(p.store.wire(other, p.store.peers(ctx, other.Volume))); err != nil {
				return err
			}
		}
	}
	for _, v := range p.building(ctx, req.GetBroker()) {
		if seen[v.GetId()] {
			continue
		}
		if err := send(v); err != nil {
			return err
		}
	}
	return nil
}

const opDelete = "delete volume"

// DeleteVolume removes a volume that nobody uses in any place, and its data for real;
// by a place's own id that place, where another one is no older.
func (p *Provider) DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) error {
	if req.GetOwner().GetKey() != "" {
		if err := p.jobs.end(ctx, req.GetOwner()); err != nil {
			return err
		}
	}
	f, err := p.lookup(ctx, req.GetOwner(), req.GetId())
	if sdk.KindOf(err) == sdk.NotFound {
		if v := p.underway(ctx, req.GetOwner()); v != nil {
			return &sdk.Error{Kind: sdk.Busy, Op: opDelete, Subject: "volume " + v.GetId(), Source: sdk.SourceProvider, Text: "another process is making it"}
		}
		// One who was killed may have left the data behind.
		for _, at := range p.store.vaults {
			if err := at.vault.Sweep(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	unlock, err := p.busy.Lock(ctx, f.ID)
	if err != nil {
		return err
	}
	defer unlock()
	if f.alone {
		if err := f.spare(); err != nil {
			return err
		}
		if err := p.ready(ctx, f); err != nil {
			return err
		}
		return p.remove(ctx, f)
	}
	// Nothing is removed while any place is in use, and the newest one last.
	for _, at := range p.store.placesOf(f) {
		if err := p.ready(ctx, at); err != nil {
			return err
		}
	}
	for _, at := range slices.Backward(p.store.placesOf(f)) {
		if err := p.remove(ctx, at); err != nil {
			return err
		}
	}
	p.step("delete.removed")
	return nil
}

// ready ends what is left of uses of a place, and is Busy while one stands.
func (p *Provider) ready(ctx context.Context, f found) error {
	err := p.store.resume(ctx, f)
	if err == nil {
		// What was served by a process that died may still be running.
		err = p.store.settle(ctx, f)
	}
	if err == nil && len(f.whole.All) > 1 {
		err = f.at.vault.Hold(ctx, f.Ref(), func(_ context.Context, h *vault.Held) error { return h.Idle(opDelete) })
	}
	if sdk.KindOf(err) == sdk.NotFound {
		return nil
	}
	return err
}

// remove removes one place.
func (p *Provider) remove(ctx context.Context, f found) error {
	freed, err := f.at.vault.Delete(ctx, f.Ref(), ownerOf(f.State.Owner).GetBroker())
	if err == nil {
		p.log.Info("volume removed", "volume", f.ID, "folder", f.Folder, "freed_bytes", freed)
	}
	return err
}

// watchEvery is how often a volume is looked at for who is connected; changes of the
// vault are seen at once.
const watchEvery = 2 * time.Second

// WatchVolume sends a volume after every change of it.
func (p *Provider) WatchVolume(ctx context.Context, req *pb.GetVolumeRequest, send func(*pb.Volume) error) error {
	var last *pb.Volume
	for {
		now, err := p.GetVolume(ctx, req)
		switch {
		case sdk.KindOf(err) == sdk.NotFound && last != nil:
			last.State, last.Progress = pb.VolumeState_VOLUME_STATE_GONE, nil
			return send(last)
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		}
		if !proto.Equal(now, last) {
			last = now
			if err := send(proto.CloneOf(now)); err != nil {
				return err
			}
		}
		p.pauseUntilChanged(ctx)
	}
}

func (p *Provider) pauseUntilChanged(ctx context.Context) {
	timer := time.NewTimer(watchEvery)
	defer timer.Stop()
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := make(chan struct{}, len(p.store.vaults))
	for _, at := range p.store.vaults {
		go func() {
			select {
			case <-at.vault.Changed():
				changed <- struct{}{}
			case <-wait.Done():
			}
		}()
	}
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}
