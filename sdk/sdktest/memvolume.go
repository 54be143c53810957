package sdktest

import (
	"bytes"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk/pb"
)

// memVolume is one volume as it is kept.
type memVolume struct {
	memKept
	Zone      string      `json:"zone"`
	Size      uint64      `json:"size_bytes"`
	Bootable  bool        `json:"bootable"`
	Shareable bool        `json:"shareable"`
	ReadOnly  bool        `json:"read_only"`
	Private   bool        `json:"private"`
	Format    string      `json:"format"`
	Ready     time.Time   `json:"ready"`
	Epoch     uint64      `json:"epoch"`
	Exports   []memExport `json:"exports"`
	Lock      *memLock    `json:"lock"`
	// Converting is set while the volume gets the other format.
	Converting *memConverting `json:"converting,omitempty"`
	// Data are the first bytes of what it holds; all others are zero.
	Data []byte `json:"data"`
}

// memExport is one attachment of a volume.
type memExport struct {
	Attachment string            `json:"attachment"`
	Labels     map[string]string `json:"labels"`
	ReadOnly   bool              `json:"read_only"`
	Kind       pb.ConnectionKind `json:"kind"`
	Epoch      uint64            `json:"epoch"`
	Since      time.Time         `json:"since"`
	Initiator  string            `json:"initiator"`
	Secret     string            `json:"secret"`
}

type memLock struct {
	Holder     string    `json:"holder"`
	Allocation string    `json:"allocation"`
	Since      time.Time `json:"since"`
}

// memConverting is a conversion, and the volume's epoch when it began: who writes in
// between ends it.
type memConverting struct {
	Since time.Time `json:"since"`
	Epoch uint64    `json:"epoch"`
}

// memSnapshot is what a volume held.
type memSnapshot struct {
	memKept
	Volume string `json:"volume"`
	Size   uint64 `json:"size_bytes"`
	Data   []byte `json:"data"`
}

// memImage is what volumes can be made from.
type memImage struct {
	memKept
	URL     string `json:"url"`
	SHA256  string `json:"sha256"`
	Family  string `json:"family"`
	Flavour string `json:"flavour"`
	Zone    string `json:"zone"`
}

// put keeps a volume.
func (s *memState) put(v memVolume) { s.Volumes[v.ID] = v }

// trimmed are bytes without the zeros at their end.
func trimmed(data []byte) []byte { return bytes.TrimRight(data, "\x00") }

func (v memVolume) spec() *pb.VolumeSpec {
	return &pb.VolumeSpec{
		SizeBytes: v.Size, Bootable: v.Bootable, Shareable: v.Shareable, ReadOnly: v.ReadOnly, Private: v.Private, Format: v.Format,
	}
}

// wireVolume is a volume in the words of the contract.
func (m *MemProvider) wireVolume(v memVolume) *pb.Volume {
	out := &pb.Volume{
		Id: v.ID, Owner: v.owner(), Name: v.Name, State: pb.VolumeState_VOLUME_STATE_AVAILABLE, Spec: v.spec(),
		Region: "memory", Zone: v.Zone, Tier: "memory", Epoch: v.Epoch, CreatedAt: timestamppb.New(v.Created),
		Exposures: m.exposures(v.spec(), v.Zone), Format: v.Format, UsedBytes: uint64(len(v.Data)), Place: "memory/" + v.ID,
	}
	for _, x := range v.Exports {
		o := ownerOf(x.Labels)
		out.Uses = append(out.Uses, &pb.VolumeUse{
			AttachmentId: x.Attachment, Allocation: o.GetAllocation(), Holder: "broker " + o.GetBroker(), Writable: !x.ReadOnly,
			Since: timestamppb.New(x.Since), Kind: x.Kind, Epoch: x.Epoch,
		})
	}
	if v.Lock != nil {
		out.Lock = &pb.VolumeLock{Holder: v.Lock.Holder, Allocation: v.Lock.Allocation, Since: timestamppb.New(v.Lock.Since)}
	}
	switch left := time.Until(v.Ready); {
	case left > 0:
		out.State = pb.VolumeState_VOLUME_STATE_CREATING
		percent := 100 - 100*left/max(v.Ready.Sub(v.Created), 1)
		out.Progress = &pb.Progress{Step: "prepare", Percent: uint32(min(max(percent, 0), 100))}
	case len(v.Exports) > 0:
		out.State = pb.VolumeState_VOLUME_STATE_IN_USE
	case v.Converting != nil:
		percent := 100 * time.Since(v.Converting.Since) / max(m.config.Boot, 1)
		out.Progress = &pb.Progress{Step: "convert", Percent: uint32(min(max(percent, 0), 100))}
	}
	return out
}
