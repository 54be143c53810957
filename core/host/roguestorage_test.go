package host

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// rogueStorage is the part of rogue that makes volumes. It behaves as the name of
// the provider says, too.
type rogueStorage struct {
	pb.UnimplementedStorageServer
	pb.UnimplementedExporterServer
	pb.UnimplementedAttacherServer
	pb.UnimplementedResizerServer
	pb.UnimplementedSnapshotterServer
	pb.UnimplementedLockerServer
	pb.UnimplementedRenamerServer
	pb.UnimplementedConverterServer
	pb.UnimplementedImagesServer
	pb.UnimplementedTransferServer
}

func (r *rogueStorage) register(s grpc.ServiceRegistrar) {
	pb.RegisterStorageServer(s, r)
	pb.RegisterExporterServer(s, r)
	pb.RegisterAttacherServer(s, r)
	pb.RegisterResizerServer(s, r)
	pb.RegisterSnapshotterServer(s, r)
	pb.RegisterLockerServer(s, r)
	pb.RegisterRenamerServer(s, r)
	pb.RegisterConverterServer(s, r)
	pb.RegisterImagesServer(s, r)
	pb.RegisterTransferServer(s, r)
}

// goodVolume is one that every check passes.
func goodVolume(id string, o *pb.Owner) *pb.Volume {
	return &pb.Volume{
		Id: id, Owner: o, Name: "data", State: pb.VolumeState_VOLUME_STATE_IN_USE, Spec: &pb.VolumeSpec{SizeBytes: 1 << 30},
		Format: "raw", Epoch: 7, Zone: "shelf1",
		Uses: []*pb.VolumeUse{{
			AttachmentId: "a-1", Holder: "vm\x1b[2J web1", Writable: true, Kind: pb.ConnectionKind_CONNECTION_KIND_ISCSI, Epoch: 7, Peers: []string{"10.0.0.7:3\n"},
		}},
		Exposures: []*pb.Exposure{
			{Kind: pb.ConnectionKind_CONNECTION_KIND_ISCSI, Network: "storage", Text: "over\r\ntgt"},
			{Kind: pb.ConnectionKind_CONNECTION_KIND_FILE, Host: "\x1b"}, // would be from everywhere
			{Kind: 99},
		},
		CreatedAt: timestamppb.New(time.Unix(1, 0)),
	}
}

// badVolumes are volumes with one fault each, by what is wrong.
func badVolumes() map[string]func(*pb.Volume) {
	return map[string]func(*pb.Volume){
		"no id":       func(v *pb.Volume) { v.Id = "" },
		"escape id":   func(v *pb.Volume) { v.Id = "\x1b]0;pwned\x07" },
		"long id":     func(v *pb.Volume) { v.Id = strings.Repeat("x", 129) },
		"state":       func(v *pb.Volume) { v.State = 77 },
		"huge":        func(v *pb.Volume) { v.Spec.SizeBytes = 1 << 63 },
		"used huge":   func(v *pb.Volume) { v.UsedBytes = 1 << 62 },
		"format":      func(v *pb.Volume) { v.Format = "vmdk" },
		"half owner":  func(v *pb.Volume) { v.Owner.Request = "" },
		"escape key":  func(v *pb.Volume) { v.Owner.Key = "k\n1" },
		"other owner": func(v *pb.Volume) { v.Owner.Broker = "b2" },
		"uses":        func(v *pb.Volume) { v.Uses = make([]*pb.VolumeUse, maxUses+1) },
	}
}

func goodVolumeOffer(id string) *pb.VolumeOffer {
	return &pb.VolumeOffer{
		Id: id, Zone: "shelf1", Tier: "ssd", SizeBytes: 1 << 30, Quantities: []*pb.Quantity{{Sku: "gib", Amount: "1"}},
		PriceListRevision: "r1", ExpiresAt: timestamppb.New(time.Now().Add(time.Minute)),
		Exports: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_ISCSI, pb.ConnectionKind_CONNECTION_KIND_NBD},
	}
}

func badVolumeOffers() map[string]func(*pb.VolumeOffer) {
	return map[string]func(*pb.VolumeOffer){
		"small":      func(o *pb.VolumeOffer) { o.SizeBytes = 1 },
		"huge":       func(o *pb.VolumeOffer) { o.SizeBytes = 1 << 63 },
		"no format":  func(o *pb.VolumeOffer) { o.Format = "vmdk" },
		"another":    func(o *pb.VolumeOffer) { o.Format = "qcow2" },
		"expired":    func(o *pb.VolumeOffer) { o.ExpiresAt = timestamppb.New(time.Now().Add(-time.Second)) },
		"no expiry":  func(o *pb.VolumeOffer) { o.ExpiresAt = nil },
		"no id":      func(o *pb.VolumeOffer) { o.Id = "" },
		"escape id":  func(o *pb.VolumeOffer) { o.Id = "\x1b]0;pwned\x07" },
		"long tier":  func(o *pb.VolumeOffer) { o.Tier = strings.Repeat("x", 5000) },
		"token":      func(o *pb.VolumeOffer) { o.Token = make([]byte, 5000) },
		"revision":   func(o *pb.VolumeOffer) { o.PriceListRevision = "" },
		"unpriced":   func(o *pb.VolumeOffer) { o.Quantities = nil },
		"negative":   func(o *pb.VolumeOffer) { o.Quantities[0].Amount = "-4" },
		"nan":        func(o *pb.VolumeOffer) { o.Quantities[0].Amount = "NaN" },
		"unwanted":   func(o *pb.VolumeOffer) { o.Exports = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_RBD} },
		"by no way":  func(o *pb.VolumeOffer) { o.Exports = nil },
		"exposures":  func(o *pb.VolumeOffer) { o.Exposures = make([]*pb.Exposure, 1000) },
		"quantities": func(o *pb.VolumeOffer) { o.Quantities = make([]*pb.Quantity, 1000) },
	}
}

// OfferVolume behaves as the provider's name says.
func (r *rogueStorage) OfferVolume(req *pb.OfferVolumeRequest, out grpc.ServerStreamingServer[pb.OfferVolumeResponse]) error {
	disaster(req.GetProvider())
	answer := &pb.OfferVolumeResponse{Offers: []*pb.VolumeOffer{goodVolumeOffer("a")}, Reasons: []*pb.Reason{{Field: "size_gib", Text: "the shelf\n is full"}}}
	switch req.GetProvider() {
	case "liar":
		answer.Offers = append(answer.Offers, goodVolumeOffer("a"))
		for what, spoil := range badVolumeOffers() {
			o := goodVolumeOffer("bad " + what)
			spoil(o)
			answer.Offers = append(answer.Offers, o)
		}
	case "flood":
		for i := 0; ; i++ {
			if err := out.Send(&pb.OfferVolumeResponse{Offers: []*pb.VolumeOffer{goodVolumeOffer(fmt.Sprint(i))}, Reasons: answer.Reasons}); err != nil {
				return err
			}
		}
	}
	return out.Send(answer)
}

// CreateVolume behaves as the provider's name says.
func (r *rogueStorage) CreateVolume(_ context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	disaster(req.GetProvider())
	v := goodVolume("vol-1", req.GetOwner())
	v.Message = fmt.Sprintf("%s %s %s %d", req.GetName(), req.GetOffer().GetId(), req.GetSnapshotId(), len(req.GetOffer().GetExposures()))
	switch req.GetProvider() {
	case "full":
		return nil, sdk.ToStatus(&sdk.Error{Kind: sdk.Exhausted, Scope: sdk.ScopeQuota, Text: "no space", Source: sdk.SourceProvider}).Err()
	case "small":
		v.Spec.SizeBytes = 1
	case "swap":
		v.Owner = &pb.Owner{Broker: "b1", Allocation: "a1", Key: "other", Request: "r1"}
	}
	return v, nil
}

// GetVolume behaves as the provider's name says.
func (r *rogueStorage) GetVolume(_ context.Context, req *pb.GetVolumeRequest) (*pb.Volume, error) {
	disaster(req.GetProvider())
	v := goodVolume("vol-1", owner("k1"))
	switch req.GetProvider() {
	case "swap":
		return goodVolume("vol-2", owner("other")), nil
	case "absent":
		return nil, sdk.ToStatus(sdk.Errorf(sdk.NotFound, "no such volume")).Err()
	case "gone":
		v.State = pb.VolumeState_VOLUME_STATE_GONE
	case "foreign":
		v.Owner = nil
	}
	return v, nil
}

// ListVolumes sends volumes of ours, and for "liar" some that are none.
func (r *rogueStorage) ListVolumes(req *pb.ListVolumesRequest, out grpc.ServerStreamingServer[pb.Volume]) error {
	disaster(req.GetProvider())
	all := []*pb.Volume{goodVolume("vol-1", owner("k1")), goodVolume("vol-2", owner("k2"))}
	if req.GetProvider() == "liar" {
		all = append(all, goodVolume("vol-1", owner("k1")))
		for what, spoil := range badVolumes() {
			v := goodVolume("bad "+what, owner("k3"))
			spoil(v)
			all = append(all, v)
		}
	}
	for _, v := range all {
		if err := out.Send(v); err != nil {
			return err
		}
	}
	return nil
}

// DeleteVolume succeeds, unless something happens.
func (r *rogueStorage) DeleteVolume(_ context.Context, req *pb.DeleteVolumeRequest) (*pb.DeleteVolumeResponse, error) {
	disaster(req.GetProvider())
	return &pb.DeleteVolumeResponse{}, nil
}

// WatchVolume sends creating, available, gone; or waits after the first.
func (r *rogueStorage) WatchVolume(req *pb.GetVolumeRequest, out grpc.ServerStreamingServer[pb.Volume]) error {
	for _, state := range []pb.VolumeState{1, 2, 6} {
		v := goodVolume("vol-1", owner("k1"))
		v.State = state
		if err := out.Send(v); err != nil {
			return err
		}
		if req.GetProvider() == "patient" {
			<-out.Context().Done()
			return out.Context().Err()
		}
	}
	return nil
}

// Attach answers with the machine, which has the volume.
func (r *rogueStorage) Attach(_ context.Context, req *pb.AttachRequest) (*pb.Instance, error) {
	disaster(req.GetProvider())
	in := machine(req.GetId(), owner("k1"))
	in.Attachments = []*pb.Attachment{req.GetAttachment()}
	if req.GetProvider() == "swap" {
		in.Id = "vm-9"
	}
	return in, nil
}

// Detach answers with the machine, of which "stuck" does not let go.
func (r *rogueStorage) Detach(_ context.Context, req *pb.DetachRequest) (*pb.Instance, error) {
	disaster(req.GetProvider())
	in := machine(req.GetId(), owner("k1"))
	switch req.GetProvider() {
	case "stuck":
		in.Attachments = []*pb.Attachment{{Id: req.GetAttachmentId()}}
	case "held":
		return nil, sdk.ToStatus(sdk.Errorf(sdk.Busy, "the guest holds it: /mnt/data is mounted")).Err()
	}
	return in, nil
}

func goodRefusal() error {
	return sdk.ToStatus(&sdk.Error{Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Text: "no space left", Source: sdk.SourceProvider}).Err()
}
