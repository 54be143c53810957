package upcloud

import (
	"context"
	"strings"
	"sync"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// labelRevert is the backup that a volume is to hold; while it is there the volume
// is CREATING and nobody is to write.
const labelRevert = "meson-revert"

// reverts are the volumes whose restoring this process has asked for, with the
// backup. What it does not know is asked for once more, which changes nothing. It
// is safe for concurrent use.
type reverts struct {
	mu   sync.Mutex
	sent map[string]string
}

func (r *reverts) put(volume, backup string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent == nil {
		r.sent = map[string]string{}
	}
	if r.sent[volume] = backup; backup == "" {
		delete(r.sent, volume)
	}
}

func (r *reverts) is(volume, backup string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent[volume] == backup
}

// RevertVolume notes on the volume what it is to hold, has UpCloud restore that,
// and takes the note off when it has. Until then the volume is CREATING, and the
// same request is to be repeated.
func (p *Provider) RevertVolume(ctx context.Context, req *pb.RevertVolumeRequest) (*pb.Volume, error) {
	const op = "revert volume"
	snapshot := req.GetSnapshotId()
	unlock, err := p.busy.Lock(ctx, req.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, err := p.findVolume(ctx, ref{uuid: req.GetVolumeId(), ownKey: ownKey{broker: req.GetOwner().GetBroker()}})
	if err != nil {
		return nil, err
	}
	busy := func(text string) error {
		return &sdk.Error{Kind: sdk.Busy, Op: op, Subject: v.UUID, Source: sdk.SourceProvider, Text: text}
	}
	switch has := v.labels[labelRevert]; {
	case has != "" && has != snapshot:
		return nil, busy("it is being reverted to " + has)
	case len(v.ServerUUIDs) > 0:
		return nil, busy("server " + strings.Join(v.ServerUUIDs, ", ") + " has it")
	case has == "" && v.labels[labelExport] != "":
		return nil, busy("attachment " + v.labels[labelExport] + " has it")
	case has == "":
		b, err := p.copyOf(ctx, upcloud.StorageTypeBackup, "", ref{uuid: snapshot})
		if err != nil {
			return nil, err
		}
		if b == nil || b.Origin != v.UUID {
			return nil, &sdk.Error{Kind: sdk.NotFound, Op: op, Subject: shortened(snapshot), Source: sdk.SourceProvider, Text: "the volume has no such backup"}
		}
		if err := p.relabelVolume(ctx, v, map[string]string{labelRevert: snapshot}); err != nil {
			return nil, err
		}
		p.step("revert.noted")
	case v.State == upcloud.StorageStateMaintenance:
		return v.wire(), nil
	}
	if !p.reverting.is(v.UUID, snapshot) {
		if err := p.post(ctx, op, v.UUID, &request.RestoreBackupRequest{UUID: snapshot}); err != nil {
			return nil, err
		}
		p.reverting.put(v.UUID, snapshot)
		p.step("revert.sent")
		return v.wire(), nil
	}
	if err := p.relabelVolume(ctx, v, map[string]string{labelRevert: ""}); err != nil {
		return nil, err
	}
	p.reverting.put(v.UUID, "")
	p.step("revert.finished")
	return v.wire(), nil
}
