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
	if err == nil && owner.GetBroker() != "" && ownerOf(f.State.Owner).GetBroker() != owner.GetBroker() {
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
// wrong with those that are damaged.
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

// DeleteVolume removes a volume that nobody uses, and its data for real.
func (p *Provider) DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) error {
	if req.GetOwner().GetKey() != "" {
		if err := p.jobs.end(ctx, req.GetOwner()); err != nil {
			return err
		}
	}
	f, err := p.lookup(ctx, req.GetOwner(), req.GetId())
	if sdk.KindOf(err) == sdk.NotFound {
		if v := p.underway(ctx, req.GetOwner()); v != nil {
			return &sdk.Error{Kind: sdk.Busy, Op: "delete volume", Subject: "volume " + v.GetId(), Source: sdk.SourceProvider, Text: "another process is making it"}
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
	for _, v := range f.whole.All {
		at := found{Volume: v, at: p.store.in(v.Vault), whole: f.whole}
		if err := p.store.resume(ctx, at); err != nil && sdk.KindOf(err) != sdk.NotFound {
			return err
		}
		// What was served by a process that died may still be running.
		if err := p.store.settle(ctx, at); err != nil && sdk.KindOf(err) != sdk.NotFound {
			return err
		}
		freed, err := at.at.vault.Delete(ctx, at.Ref(), ownerOf(v.State.Owner).GetBroker())
		if err != nil {
			return err
		}
		p.log.Info("volume removed", "volume", f.ID, "folder", v.Folder, "freed_bytes", freed)
	}
	p.step("delete.removed")
	return nil
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
