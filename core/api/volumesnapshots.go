package api

import (
	"context"
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
)

// snapshotTries is how often a snapshot that is being made is asked for again, half a
// second apart.
const snapshotTries = 60

// Snapshots implements [Broker].
func (m *Meson) Snapshots(ctx context.Context, volume string) ([]core.Snapshot, error) {
	if volume != "" {
		v, err := m.volume(ctx, volume)
		if err != nil {
			return nil, err
		}
		return v.at.ListSnapshots(ctx, v.ID)
	}
	providers, failures, err := m.storage(ctx, "")
	if err != nil {
		return nil, err
	}
	list, more := each(ctx, listStorage, providers, func(ctx context.Context, p *host.Provider) ([]core.Snapshot, error) {
		list, err := p.ListSnapshots(ctx, "")
		if core.KindOf(err) == core.Unsupported {
			err = nil
		}
		return list, err
	})
	for _, f := range append(failures, more...) {
		m.Log.Warn("not asked for snapshots", "provider", f.Provider, "error", f.Err)
	}
	return list, nil
}

// CreateSnapshot implements [Broker].
func (m *Meson) CreateSnapshot(ctx context.Context, req VolumeRequest, name string) (core.Snapshot, error) {
	if err := checkVolumeName("create snapshot", name); err != nil {
		return core.Snapshot{}, err
	}
	v, err := m.volume(ctx, req.Volume)
	if err != nil {
		return core.Snapshot{}, err
	}
	have, err := v.at.ListSnapshots(ctx, v.ID)
	if err != nil {
		return core.Snapshot{}, err
	}
	for _, s := range have {
		if s.Name == name {
			return core.Snapshot{}, &core.Error{
				Kind: core.Conflict, Op: "create snapshot", Subject: v.Provider + "/" + v.ID, Text: fmt.Sprintf("snapshot %s has this name", s.ID),
				Hint: "choose another name",
			}
		}
	}
	id := ledger.NewID()
	ask := core.SnapshotRequest{Owner: m.owner(id, id+"-snap", v.Provider+"\n"+v.ID+"\n"+name), VolumeID: v.ID, Name: name}
	var made core.Snapshot
	err = m.recorded(ctx, "snapshot.create", fmt.Sprintf("%s/%s: %s, key %s", v.Provider, v.ID, name, ask.Owner.Key), func() error {
		for try := 0; ; try++ {
			var err error
			made, err = v.at.CreateSnapshot(ctx, ask)
			if err != nil || made.State != core.VolumeCreating || try == snapshotTries {
				return err
			}
			if req.Progress != nil {
				req.Progress(Progress{Step: "snapshot." + made.Progress.Step, Text: made.Progress.Text, Percent: made.Progress.Percent})
			}
			if !sleep(ctx, powerPoll) {
				return &core.Error{Kind: core.Uncertain, Op: "create snapshot", Subject: v.Provider + "/" + v.ID, Text: "it is still being made", Hint: "meson volume snapshot ls " + v.ID}
			}
		}
	})
	return made, err
}

// RemoveSnapshot implements [Broker].
func (m *Meson) RemoveSnapshot(ctx context.Context, req VolumeRequest, snapshot string) error {
	v, s, err := m.snapshot(ctx, req.Volume, snapshot)
	if err != nil {
		return err
	}
	return m.recorded(ctx, "snapshot.remove", fmt.Sprintf("%s/%s: %s", v.Provider, v.ID, s.ID), func() error {
		return v.at.DeleteSnapshot(ctx, core.SnapshotRef{VolumeID: v.ID, ID: s.ID})
	})
}

// RevertVolume implements [Broker].
func (m *Meson) RevertVolume(ctx context.Context, req VolumeRequest, snapshot string) (VolumeInfo, error) {
	_, s, err := m.snapshot(ctx, req.Volume, snapshot)
	if err != nil {
		return VolumeInfo{}, err
	}
	return m.changeVolume(ctx, req, "revert", "to "+s.ID, func(v found) (core.Volume, error) {
		switch {
		case len(v.Uses) > 0:
			return v.Volume, m.inUse(ctx, "revert volume", v)
		case req.DryRun:
			return v.Volume, nil
		}
		return m.changing(ctx, "revert volume", v, func() (core.Volume, error) { return v.at.RevertVolume(ctx, v.ref(), s.ID) })
	})
}

// snapshot is one of a volume, by its id or its name.
func (m *Meson) snapshot(ctx context.Context, volume, name string) (found, core.Snapshot, error) {
	v, err := m.volume(ctx, volume)
	if err != nil {
		return v, core.Snapshot{}, err
	}
	list, err := v.at.ListSnapshots(ctx, v.ID)
	if err != nil {
		return v, core.Snapshot{}, err
	}
	subject := fmt.Sprintf("snapshot %s of %s/%s", name, v.Provider, v.ID)
	matches := filter(list, func(s core.Snapshot) bool { return s.ID == name })
	if len(matches) == 0 {
		matches = filter(list, func(s core.Snapshot) bool { return s.Name == name })
	}
	switch len(matches) {
	case 1:
		return v, matches[0], nil
	case 0:
		return v, core.Snapshot{}, &core.Error{Kind: core.NotFound, Subject: subject, Text: "not found", Hint: "meson volume snapshot ls " + v.ID}
	}
	return v, core.Snapshot{}, &core.Error{Kind: core.Invalid, Subject: subject, Text: "several are called so", Hint: "say its id"}
}

// owner is what this ledger writes on what it makes outside of machines.
func (m *Meson) owner(allocation, key, request string) core.Owner {
	return core.Owner{Broker: m.Ledger.ID(), Allocation: allocation, Key: key, Request: m.Ledger.Hash([]byte(request + "\n" + key))}
}
