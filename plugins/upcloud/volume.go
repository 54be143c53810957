package upcloud

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// volume is a storage of UpCloud with what its labels say. Servers' own disks are
// none: they carry no owner.
type volume struct {
	upcloud.StorageDetails
	// provider is whose account it is in.
	provider string
	labels   map[string]string
	// whole is whether it tells which servers have it, which lists do not.
	whole bool
}

// The labels of a volume beside the owner's and its name.
const (
	// labelUnfinished says what a repeated CreateVolume has to see to its end.
	labelUnfinished = "meson-unfinished"
	// labelExport is the attachment that may write, labelEpoch which one in a row it
	// is.
	labelExport = "meson-export"
	labelEpoch  = "meson-epoch"

	unfinishedImport = "import"
	unfinishedCopy   = "copy"
)

const gib = 1 << 30

func (p *Provider) storage(d upcloud.StorageDetails, whole bool) *volume {
	v := &volume{StorageDetails: d, provider: p.name, labels: make(map[string]string, len(d.Labels)), whole: whole}
	for _, l := range d.Labels {
		v.labels[strings.ToLower(l.Key)] = l.Value
	}
	return v
}

func (v *volume) owner() *pb.Owner {
	o, ok := sdk.OwnerFromLabels(v.labels)
	if !ok {
		return nil
	}
	return o
}

func (v *volume) own() ownKey { return ownKey{v.owner().GetBroker(), v.owner().GetKey()} }

// wire is the volume in the words of the contract.
func (v *volume) wire() *pb.Volume {
	out := &pb.Volume{
		Id: v.UUID, Owner: v.owner(), Name: cmp.Or(v.labels[labelName], v.Title), Region: regionOf(v.Zone), Zone: v.Zone, Tier: v.Tier,
		Epoch: v.epoch(), Spec: &pb.VolumeSpec{SizeBytes: uint64(max(v.Size, 0)) * gib},
		Exposures: exposures(v.provider, v.Zone),
	}
	if !v.Created.IsZero() {
		out.CreatedAt = timestamppb.New(v.Created)
	}
	for _, server := range v.ServerUUIDs {
		out.Uses = append(out.Uses, &pb.VolumeUse{AttachmentId: v.labels[labelExport], Holder: "server " + server, Writable: true})
	}
	if has := v.labels[labelExport]; has != "" && len(out.Uses) == 0 {
		out.Uses = append(out.Uses, &pb.VolumeUse{AttachmentId: has, Writable: true, Epoch: v.epoch(), Kind: pb.ConnectionKind_CONNECTION_KIND_NATIVE})
	}
	out.State, out.Message = v.status()
	if out.State == pb.VolumeState_VOLUME_STATE_CREATING {
		out.Progress = &pb.Progress{Step: cmp.Or(v.labels[labelUnfinished], "prepare")}
	}
	return out
}

func (v *volume) status() (pb.VolumeState, string) {
	switch {
	case v.State == upcloud.StorageStateError:
		return pb.VolumeState_VOLUME_STATE_FAILED, "UpCloud says that the storage is in error"
	case v.labels[labelUnfinished] != "" || v.labels[labelRevert] != "":
		return pb.VolumeState_VOLUME_STATE_CREATING, ""
	case len(v.ServerUUIDs) > 0:
		return pb.VolumeState_VOLUME_STATE_IN_USE, ""
	case v.State == upcloud.StorageStateMaintenance:
		return pb.VolumeState_VOLUME_STATE_CREATING, ""
	}
	// While it is backed up or copied it is there all the same.
	return pb.VolumeState_VOLUME_STATE_AVAILABLE, ""
}

func (v *volume) epoch() uint64 {
	n, err := strconv.ParseUint(v.labels[labelEpoch], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// readVolume asks for one storage that can be a volume; NotFound is certain.
func (p *Provider) readVolume(ctx context.Context, uuid string) (*volume, error) {
	d, err := p.api.GetStorageDetails(ctx, &request.GetStorageDetailsRequest{UUID: uuid})
	if err == nil && (!uuidText.MatchString(d.UUID) || d.State == "") {
		err = fmt.Errorf("a storage with the UUID %.64q and the state %.64q makes no sense", d.UUID, d.State)
	}
	if err != nil {
		return nil, failed("read storage", uuid, err, false)
	}
	if d.Access != upcloud.StorageAccessPrivate || d.Type != upcloud.StorageTypeNormal {
		return nil, noVolume(uuid)
	}
	return p.storage(*d, true), nil
}

func noVolume(which string) error {
	return &sdk.Error{Kind: sdk.NotFound, Op: "find volume", Subject: which, Source: sdk.SourceProvider, Text: "the account has none"}
}

// volumes lists the account's disks, with all the labels if some are given.
func (p *Provider) volumes(ctx context.Context, labels ...upcloud.Label) ([]*volume, error) {
	r := &request.GetStoragesRequest{Access: upcloud.StorageAccessPrivate, Type: upcloud.StorageTypeNormal}
	for _, l := range labels {
		r.Filters = append(r.Filters, request.FilterLabel{Label: l})
	}
	all, err := p.api.GetStorages(ctx, r)
	if err != nil {
		return nil, failed("list storages", "", err, false)
	}
	var out []*volume
	for _, d := range all.Storages {
		if d.Access == upcloud.StorageAccessPrivate && d.Type == upcloud.StorageTypeNormal && uuidText.MatchString(d.UUID) {
			out = append(out, p.storage(upcloud.StorageDetails{Storage: d}, false))
		}
	}
	return out, nil
}

// findVolume asks for the caller's volume.
func (p *Provider) findVolume(ctx context.Context, r ref) (*volume, error) {
	if _, err := p.cloud(); err != nil {
		return nil, err
	}
	uuid := r.uuid
	if r.key != "" {
		all, err := p.volumes(ctx, upcloud.Label{Key: sdk.LabelBroker, Value: r.broker}, upcloud.Label{Key: sdk.LabelKey, Value: r.key})
		if err != nil {
			return nil, err
		}
		uuid = ""
		for _, v := range all {
			if v.own() == r.ownKey && (uuid == "" || v.UUID < uuid) {
				uuid = v.UUID
			}
		}
	}
	if !uuidText.MatchString(uuid) {
		return nil, noVolume(r.String())
	}
	v, err := p.readVolume(ctx, uuid)
	if err == nil && (r.key != "" && v.own() != r.ownKey || r.key == "" && r.broker != "" && v.own().broker != r.broker) {
		return nil, noVolume(r.String())
	}
	return v, err
}

// relabelVolume sets labels, or takes them off where the value is empty. The API
// takes all of them together.
func (p *Provider) relabelVolume(ctx context.Context, v *volume, change map[string]string) error {
	for k, value := range change {
		if v.labels[k] = value; value == "" {
			delete(v.labels, k)
		}
	}
	labels := []upcloud.Label(*labelSlice(v.labels))
	_, err := p.api.ModifyStorage(ctx, &request.ModifyStorageRequest{UUID: v.UUID, Labels: &labels})
	return failed("label storage", v.UUID, err, true)
}

// looked is until a volume is worth another look.
func (p *Provider) looked(v *pb.Volume) time.Duration {
	if v.GetState() == pb.VolumeState_VOLUME_STATE_CREATING {
		return p.timing.first
	}
	return p.timing.calm
}
