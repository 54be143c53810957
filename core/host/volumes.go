package host

import (
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What a provider may say of one volume.
const (
	maxIDBytes      = 128
	maxVolumeBytes  = 1 << 60
	maxUses         = 4096
	maxPeers        = 64
	maxExposures    = 64
	maxVolumeFaults = 64
)

func askedForVolume(ref core.VolumeRef) asked {
	if ref.ID != "" {
		return asked{owner: core.Owner{Broker: ref.Owner.Broker}, id: ref.ID}
	}
	return asked{owner: ref.Owner}
}

// volume checks a volume that a plugin answered with. One that is not what was
// asked for, or whose state or size means nothing, is an error; ways to it that
// this broker does not know, or that say unclearly from where they hold, are
// left out: a restriction that is lost would be none.
func (p *Provider) volume(w *pb.Volume, want asked) (core.Volume, error) {
	var f faults
	checkObjectID(w.GetId(), want.id, &f)
	owner := ownerOf(w.GetOwner(), want.owner, &f)
	state, ok := volumeStateOf(w.GetState())
	if !ok {
		f.add("state", "unknown state %d", w.GetState())
	}
	for _, size := range []struct {
		name  string
		bytes uint64
	}{{"spec.size_bytes", w.GetSpec().GetSizeBytes()}, {"used_bytes", w.GetUsedBytes()}, {"growth.size_bytes", w.GetGrowth().GetSizeBytes()}} {
		if size.bytes > maxVolumeBytes {
			f.add(size.name, "%d: no volume has that", size.bytes)
		}
	}
	format := w.GetFormat()
	if format == "" {
		format = w.GetSpec().GetFormat()
	}
	if !isFormat(format) {
		f.add("format", "%q: want raw, qcow2 or nothing", cut(format, 40))
	}
	if len(w.GetUses()) > maxUses {
		f.add("uses", "%d: at most %d", len(w.GetUses()), maxUses)
	}
	if err := f.err("a volume"); err != nil {
		return core.Volume{}, err
	}
	v := core.Volume{
		ID: w.GetId(), Provider: p.config.Name, Owner: owner, Name: cut(w.GetName(), 64), State: state, Progress: progressOf(w.GetProgress()),
		VolumeSpec: core.VolumeSpec{
			SizeBytes: int64(w.GetSpec().GetSizeBytes()), Bootable: w.GetSpec().GetBootable(), Shareable: w.GetSpec().GetShareable(),
			ReadOnly: w.GetSpec().GetReadOnly(), Private: w.GetSpec().GetPrivate(), Format: format,
		},
		UsedBytes: int64(w.GetUsedBytes()), Region: cut(w.GetRegion(), maxText), Zone: cut(w.GetZone(), maxText), Tier: cut(w.GetTier(), maxText),
		Place: cut(w.GetPlace(), maxText), Epoch: w.GetEpoch(), Uses: usesOf(w.GetUses()), Exposures: exposuresOf(w.GetExposures()),
		Message: cut(w.GetMessage(), maxText), CreatedAt: timeOf(w.GetCreatedAt()),
	}
	if lock := w.GetLock(); lock != nil {
		v.Lock = &core.VolumeLock{Holder: cut(lock.GetHolder(), 128), Allocation: cut(lock.GetAllocation(), 64), Since: timeOf(lock.GetSince())}
	}
	if g := w.GetGrowth(); g != nil {
		v.Growth = &core.VolumeGrowth{SizeBytes: int64(g.GetSizeBytes()), Attachment: cut(g.GetAttachmentId(), 64)}
	}
	for i, fault := range w.GetFaults() {
		if i == maxVolumeFaults {
			v.Faults = append(v.Faults, fmt.Sprintf("and %d more", len(w.GetFaults())-i))
			break
		}
		if fault = cut(fault, maxText); fault == "" {
			fault = "the plugin does not say what"
		}
		v.Faults = append(v.Faults, fault)
	}
	return v, nil
}

// checkObjectID wants an id that can name something, that one if it is asked for.
func checkObjectID(have, want string, f *faults) {
	if !isID(have) || len(have) > maxIDBytes {
		f.add("id", "it is empty, too long or cannot be printed")
	}
	if want != "" && have != want {
		f.add("id", "%q: %q was asked for", cut(have, 64), cut(want, 64))
	}
}

// ownerOf is the owner of what may be nobody's, zero then. Labels that are asked
// for must be there.
func ownerOf(w *pb.Owner, want core.Owner, f *faults) core.Owner {
	owner := core.Owner{Broker: w.GetBroker(), Allocation: w.GetAllocation(), Key: w.GetKey(), Request: w.GetRequest()}
	for _, label := range []struct{ name, have, want string }{
		{"broker", owner.Broker, want.Broker},
		{"allocation", owner.Allocation, want.Allocation},
		{"key", owner.Key, want.Key},
		{"request", owner.Request, want.Request},
	} {
		switch {
		case owner != (core.Owner{}) && !sdk.ValidLabel(label.have):
			f.add("owner."+label.name, "%q is no label", cut(label.have, 64))
		case label.want != "" && label.have != label.want:
			f.add("owner."+label.name, "%q: %q was asked for", label.have, cut(label.want, 64))
		}
	}
	return owner
}

func volumeStateOf(s pb.VolumeState) (core.VolumeState, bool) {
	state, ok := map[pb.VolumeState]core.VolumeState{
		pb.VolumeState_VOLUME_STATE_CREATING:  core.VolumeCreating,
		pb.VolumeState_VOLUME_STATE_AVAILABLE: core.VolumeAvailable,
		pb.VolumeState_VOLUME_STATE_IN_USE:    core.VolumeInUse,
		pb.VolumeState_VOLUME_STATE_FAILED:    core.VolumeFailed,
		pb.VolumeState_VOLUME_STATE_DELETING:  core.VolumeDeleting,
		pb.VolumeState_VOLUME_STATE_GONE:      core.VolumeGone,
	}[s]
	return state, ok
}

func isFormat(s string) bool { return s == "" || s == "raw" || s == "qcow2" }

func progressOf(w *pb.Progress) core.Progress {
	return core.Progress{
		Step: cut(w.GetStep(), 128), Percent: int(min(w.GetPercent(), 100)), Text: cut(w.GetText(), maxText),
	}
}

func usesOf(w []*pb.VolumeUse) []core.VolumeUse {
	known := kinds()
	out := make([]core.VolumeUse, 0, len(w))
	for _, u := range w {
		use := core.VolumeUse{
			Attachment: cut(u.GetAttachmentId(), 64), Allocation: cut(u.GetAllocation(), 64), Holder: cut(u.GetHolder(), 256),
			Kind: known[u.GetKind()], Writable: u.GetWritable(), Epoch: u.GetEpoch(), Since: timeOf(u.GetSince()),
		}
		for _, peer := range u.GetPeers()[:min(len(u.GetPeers()), maxPeers)] {
			use.Peers = append(use.Peers, cut(peer, 128))
		}
		out = append(out, use)
	}
	return out
}

func exposuresOf(w []*pb.Exposure) []core.Exposure {
	known := kinds()
	var out []core.Exposure
	for _, e := range w[:min(len(w), maxExposures)] {
		kind, ok := known[e.GetKind()]
		for _, from := range []string{e.GetHost(), e.GetNetwork(), e.GetProvider(), e.GetZone()} {
			ok = ok && (from == "" || isID(from))
		}
		if ok {
			out = append(out, core.Exposure{
				Kind: kind, Host: e.GetHost(), Network: e.GetNetwork(), Provider: e.GetProvider(), Zone: e.GetZone(),
				Text: cut(e.GetText(), maxText), Rank: int(min(e.GetRank(), 1<<20)),
			})
		}
	}
	return out
}

// absentVolume is the error of a volume that the plugin says is gone.
func (p *Provider) absentVolume(id string) error {
	return &core.Error{
		Kind: core.NotFound, Subject: fmt.Sprintf("provider %s, volume %s", p.config.Name, cut(id, 64)), Text: "it is gone",
	}
}

// against is the error of one fault in an answer.
func against(what, path, format string, args ...any) error {
	var f faults
	f.add(path, format, args...)
	return f.err(what)
}
