package host

import (
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func volumeSpecToPB(s core.VolumeSpec) *pb.VolumeSpec {
	return &pb.VolumeSpec{
		SizeBytes: uint64(max(s.SizeBytes, 0)), Bootable: s.Bootable, Shareable: s.Shareable, ReadOnly: s.ReadOnly, Private: s.Private, Format: s.Format,
	}
}

// volumeOfferToPB is the offer as its plugin sent it, but for exports, which its
// exposures say better.
func volumeOfferToPB(o core.VolumeOffer) *pb.VolumeOffer {
	out := &pb.VolumeOffer{
		Id: o.ID, Region: o.Region, Zone: o.Zone, Tier: o.Tier, SizeBytes: uint64(max(o.SizeBytes, 0)),
		PriceListRevision: o.ListRevision, ExpiresAt: stamp(o.ExpiresAt), Unknown: o.Unknown, Facts: o.Facts, Token: o.Token, QuoteOnly: o.QuoteOnly,
		Format: o.Format,
	}
	for _, e := range o.Exposures {
		out.Exports = append(out.Exports, kindToPB(e.Kind))
		out.Exposures = append(out.Exposures, &pb.Exposure{
			Kind: kindToPB(e.Kind), Host: e.Host, Network: e.Network, Provider: e.Provider, Zone: e.Zone, Text: e.Text, Rank: uint32(max(e.Rank, 0)),
		})
	}
	for _, q := range o.Quantities {
		out.Quantities = append(out.Quantities, sdk.QuantityToPB(q))
	}
	return out
}

func createVolumeToPB(provider string, req core.CreateVolumeRequest) *pb.CreateVolumeRequest {
	out := &pb.CreateVolumeRequest{
		Provider: provider, Owner: ownerToPB(req.Owner), Name: req.Name, Spec: volumeSpecToPB(req.Spec), Offer: volumeOfferToPB(req.Offer),
	}
	switch from := req.Origin; {
	case from.ImageURL != "":
		out.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: from.ImageURL, Sha256: from.ImageSHA256}}
	case from.Snapshot != "":
		out.Origin = &pb.CreateVolumeRequest_SnapshotId{SnapshotId: from.Snapshot}
	case from.Volume != "":
		out.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: from.Volume}
	}
	return out
}

// getVolumeToPB names a volume by id or else by key.
func getVolumeToPB(provider string, ref core.VolumeRef) *pb.GetVolumeRequest {
	return &pb.GetVolumeRequest{Provider: provider, Owner: refOwner(ref.Owner, ref.ID), Id: ref.ID}
}

// refOwner is the owner of what is looked for: without a key where it is named
// by id, and none where it is anybody's.
func refOwner(o core.Owner, id string) *pb.Owner {
	switch {
	case id == "":
		return ownerToPB(o)
	case o.Broker == "":
		return nil
	}
	return &pb.Owner{Broker: o.Broker}
}

func volumeLockToPB(l core.VolumeLock) *pb.VolumeLock {
	return &pb.VolumeLock{Holder: l.Holder, Allocation: l.Allocation, Since: stamp(l.Since)}
}
