package iscsi

import (
	"context"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// gibNumber is a size in GiB, without needless digits.
func gibNumber(bytes uint64) string {
	return strconv.FormatFloat(float64(bytes)/vault.GiB, 'f', -1, 64)
}

func gibText(bytes uint64) string {
	if bytes < vault.Step {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return gibNumber(bytes-bytes%vault.Step) + " GiB"
}

func ownerOf(o *vault.Owner) *pb.Owner {
	if o == nil {
		return nil
	}
	return &pb.Owner{Broker: o.Broker, Allocation: o.Allocation, Key: o.Key, Request: o.Request}
}

func vaultOwner(o *pb.Owner) vault.Owner {
	return vault.Owner{Broker: o.GetBroker(), Allocation: o.GetAllocation(), Key: o.GetKey(), Request: o.GetRequest()}
}

// kindOf is the way of a use.
func kindOf(u *vault.Use) pb.ConnectionKind {
	k, _ := sdk.KindNamed(u.Kind)
	return k
}

// wire is a volume in the words of the contract. peers are those that are connected,
// by attachment.
func (s *store) wire(f found, peers map[string][]string) *pb.Volume {
	v := f.Volume
	out := &pb.Volume{
		Id: v.ID, Owner: ownerOf(v.State.Owner), Name: v.Meta.Name, State: pb.VolumeState_VOLUME_STATE_AVAILABLE,
		Spec: &pb.VolumeSpec{
			SizeBytes: v.Meta.SizeBytes, Bootable: v.Meta.Bootable, Shareable: v.Meta.Shareable, ReadOnly: v.Meta.ReadOnly,
			Private: v.Meta.Private, Format: string(v.State.Format),
		},
		Region: s.config.Region, Zone: s.config.zone(), Tier: f.at.name, Epoch: v.State.Epoch, Format: string(v.State.Format),
		UsedBytes: v.UsedBytes, Place: v.Folder,
	}
	if !v.State.CreatedAt.IsZero() {
		out.CreatedAt = timestamppb.New(v.State.CreatedAt)
	}
	for _, fault := range v.Faults {
		out.Faults = append(out.Faults, fault.Text)
	}
	s.wirePlaces(f, out)
	if v.Readable() && v.DataFile != "" {
		out.Exposures = s.config.exposures(v.Meta.Shareable, exposedFormat(v))
	}
	for i := range v.State.Uses {
		u := &v.State.Uses[i]
		out.Uses = append(out.Uses, &pb.VolumeUse{
			AttachmentId: u.ID, Allocation: u.Allocation, Holder: u.Holder, Writable: u.Writable, Since: timestamppb.New(u.Since),
			Kind: kindOf(u), Epoch: u.Epoch, Peers: peers[u.ID],
		})
		if fault := doubled(u, peers[u.ID]); fault != "" {
			out.Faults = append(out.Faults, fault)
		}
		out.State = pb.VolumeState_VOLUME_STATE_IN_USE
	}
	if l := v.State.Lock; l != nil {
		out.Lock = &pb.VolumeLock{Holder: l.Holder, Allocation: l.Allocation, Since: timestamppb.New(l.Since)}
	}
	if p := v.State.Pending; p != nil {
		out.Progress = &pb.Progress{Step: p.Op}
		out.Message = fmt.Sprintf("%s has been under way since %s", p.Op, p.Since.UTC().Format("15:04:05"))
	}
	if u := lost(v); u != nil {
		out.Message = lostText(u)
	}
	s.wireGrowth(v, out)
	s.converting.tell(out)
	return out
}

// exposedFormat is how a volume is served: one that stands on others is not raw.
func exposedFormat(v *vault.Volume) vault.Format {
	if v.State.Format == vault.QCOW2 || v.State.Parent != "" {
		return vault.QCOW2
	}
	return vault.Raw
}

// peers are the addresses that are connected to a volume's targets, by attachment.
func (s *store) peers(ctx context.Context, v *vault.Volume) map[string][]string {
	out := map[string][]string{}
	names := map[string]string{}
	for _, u := range v.State.Uses {
		if u.IQN != "" {
			names[u.IQN] = u.ID
		}
	}
	if len(names) == 0 || s.targets == nil {
		return out
	}
	status, err := s.targets.Status(ctx, key(v))
	if err != nil || status == nil {
		return out
	}
	for _, t := range status.Targets {
		out[names[t.IQN]] = t.Peers
	}
	return out
}

// layoutOf is what the engine must know of a volume's files.
func layoutOf(v *vault.Volume) image.Layout {
	l := image.Layout{Format: image.Format(v.State.Format), SizeBytes: v.Meta.SizeBytes, Parent: v.State.Parent}
	if v.DataFile != image.DataFile {
		l.File = v.DataFile
	}
	for _, one := range v.State.Snapshots {
		l.Layers = append(l.Layers, image.Layer{
			ID: one.ID, Format: image.Format(one.Format), Parent: one.Parent, Snapshot: !one.Hidden, SizeBytes: one.SizeBytes,
		})
	}
	return l
}

// files is the volume for the engine, as nobody serves it.
func files(v *vault.Volume) image.Volume { return image.Volume{Dir: v.Folder, Layout: layoutOf(v)} }

// snapshotsOf records the engine's layers, keeping what was known of each; made is
// what is known of one that is new.
func snapshotsOf(l image.Layout, old []vault.Snapshot, made vault.Snapshot) []vault.Snapshot {
	known := map[string]vault.Snapshot{made.ID: made}
	for _, one := range old {
		known[one.ID] = one
	}
	var out []vault.Snapshot
	for _, x := range l.Layers {
		one := known[x.ID]
		if one.CreatedAt.IsZero() {
			one.CreatedAt = made.CreatedAt
		}
		one.ID, one.File, one.Format, one.Parent = x.ID, x.File(), vault.Format(x.Format), x.Parent
		one.Hidden, one.SizeBytes = !x.Snapshot, x.SizeBytes
		out = append(out, one)
	}
	return out
}
