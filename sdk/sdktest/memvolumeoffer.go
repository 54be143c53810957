package sdktest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Storage = (*MemProvider)(nil)

const memGiB = 1 << 30

// freeBytes is what a zone still holds.
func (m *MemProvider) freeBytes(s *memState, zone string) uint64 {
	free := uint64(m.config.Storage.CapacityGiB) * memGiB
	for _, v := range s.Volumes {
		if v.Zone == zone {
			free -= min(free, v.Size)
		}
	}
	return free
}

// OfferVolume offers the very volume that was asked for, once in each zone.
func (m *MemProvider) OfferVolume(ctx context.Context, req *pb.OfferVolumeRequest, send func(*pb.OfferVolumeResponse) error) error {
	if err := m.before(ctx, "offer-volume"); err != nil {
		return err
	}
	answer := &pb.OfferVolumeResponse{Reasons: m.volumeReasons(req)}
	if len(answer.Reasons) == 0 {
		err := m.store.do(ctx, false, func(s *memState) error {
			for _, z := range m.config.Zones {
				o := m.volumeOffer(z, req.GetSpec())
				free := m.freeBytes(s, z.Name)
				switch {
				case req.GetOfferId() != "" && req.GetOfferId() != o.GetId():
				case free < req.GetSpec().GetSizeBytes():
					answer.Reasons = append(answer.Reasons, &pb.Reason{
						Candidate: "zone " + z.Name, Field: "size", Want: fmt.Sprint(req.GetSpec().GetSizeBytes()), Have: fmt.Sprint(free),
						Text: fmt.Sprintf("%d bytes are free", free), Relax: fmt.Sprintf("size_gib=%d", free/memGiB),
					})
				default:
					o.Facts = map[string]string{"free_gib": fmt.Sprint(free / memGiB)}
					answer.Offers = append(answer.Offers, o)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := sdk.SortVolumeOffers(m.list, pricing.Horizon(req.GetForHours()), answer.Offers); err != nil {
		return err
	}
	if n := int(req.GetLimit()); n > 0 && len(answer.Offers) > n {
		answer.Offers = answer.Offers[:n]
	}
	if err := send(answer); err != nil {
		return err
	}
	return m.after(ctx, "offer-volume")
}

func (m *MemProvider) volumeReasons(req *pb.OfferVolumeRequest) []*pb.Reason {
	if m.config.Storage == nil {
		return []*pb.Reason{{Text: "this provider has no storage"}}
	}
	spec := req.GetSpec()
	if spec.GetShareable() && spec.GetBootable() {
		return []*pb.Reason{{Field: "shareable", Want: "true", Have: "bootable", Text: "what is bootable is not shareable", Relax: "shareable=false"}}
	}
	if f, have := spec.GetFormat(), m.config.Storage.Formats; f != "" && len(have) > 0 && !slices.Contains(have, f) {
		return []*pb.Reason{{Field: "format", Want: f, Have: strings.Join(have, ", "), Text: "volumes are " + strings.Join(have, " or ") + " alone", Relax: "format=" + have[0]}}
	}
	all := m.exposures(spec, "")
	if len(all) == 0 {
		return []*pb.Reason{{Field: "shareable", Want: fmt.Sprint(spec.GetShareable()), Text: "there is no way to reach such a volume", Relax: fmt.Sprintf("shareable=%v", !spec.GetShareable())}}
	}
	for _, e := range all {
		if len(req.GetConsumable()) == 0 || contains(req.GetConsumable(), e.GetKind()) {
			return nil
		}
	}
	return []*pb.Reason{{Field: "connection", Want: kindNames(req.GetConsumable()), Have: kindNames(exportsOf(all)), Text: "volumes are reached by " + kindNames(exportsOf(all)) + " alone"}}
}

func contains(all []pb.ConnectionKind, k pb.ConnectionKind) bool {
	for _, one := range all {
		if one == k {
			return true
		}
	}
	return false
}

func exportsOf(all []*pb.Exposure) (kinds []pb.ConnectionKind) {
	for _, e := range all {
		kinds = append(kinds, e.GetKind())
	}
	return kinds
}

func kindNames(kinds []pb.ConnectionKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = sdk.KindName(k)
	}
	return strings.Join(names, ", ")
}

func (m *MemProvider) volumeOffer(z MemZone, spec *pb.VolumeSpec) *pb.VolumeOffer {
	all := m.exposures(spec, z.Name)
	return &pb.VolumeOffer{
		Id: fmt.Sprintf("%s/volume-%d", z.Name, spec.GetSizeBytes()), Region: "memory", Zone: z.Name, Tier: "memory",
		SizeBytes: spec.GetSizeBytes(), Exports: exportsOf(all), Exposures: all, QuoteOnly: m.quoteOnly(z), Format: spec.GetFormat(),
		PriceListRevision: m.list.Revision, ExpiresAt: timestamppb.New(time.Now().Add(time.Minute)),
		Quantities: []*pb.Quantity{{Sku: "volume", Amount: fmt.Sprint((spec.GetSizeBytes() + 1<<20 - 1) >> 20), Divisor: 1024, Text: "GiB of volume"}},
	}
}
