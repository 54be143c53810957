package sdktest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	memMaxSlots  = 64
	memMaxMemory = 1 << 20 // MiB
	memThreads   = 2       // of a core
)

func (m *MemProvider) zone(name string) (MemZone, bool) {
	i := slices.IndexFunc(m.config.Zones, func(z MemZone) bool { return z.Name == name })
	if i < 0 {
		return MemZone{}, false
	}
	return m.config.Zones[i], true
}

func (m *MemProvider) free(s *memState, z MemZone) int {
	free := m.config.Capacity
	if z.Capacity != nil {
		free = *z.Capacity
	}
	for _, machine := range s.Machines {
		if machine.Zone == z.Name {
			free--
		}
	}
	return free
}

// Offer offers the very machine that was asked for, once in each zone, and once
// more where the zone has a spot price.
func (m *MemProvider) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	if err := m.before(ctx, "offer"); err != nil {
		return err
	}
	answer := &pb.OfferResponse{Reasons: memReasons(req.GetPledge(), m.consumer("") != nil)}
	if len(answer.Reasons) == 0 {
		err := m.store.do(ctx, false, func(s *memState) error {
			for _, z := range m.config.Zones {
				offers := m.offers(z, req.GetPledge())
				offers = slices.DeleteFunc(offers, func(o *pb.Offer) bool { return req.GetOfferId() != "" && req.GetOfferId() != o.GetId() })
				switch {
				case len(offers) == 0:
				case m.free(s, z) <= 0:
					answer.Reasons = append(answer.Reasons, &pb.Reason{Candidate: "zone " + z.Name, Text: "the zone is full"})
				default:
					answer.Offers = append(answer.Offers, offers...)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if req.GetOfferId() != "" && len(answer.Offers)+len(answer.Reasons) == 0 {
		answer.Reasons = []*pb.Reason{{Candidate: req.GetOfferId(), Text: "no such offer for this pledge"}}
	}
	if err := sdk.SortOffers(m.list, pricing.Horizon(req.GetForHours()), answer.Offers); err != nil {
		return err
	}
	if n := int(req.GetLimit()); n > 0 && len(answer.Offers) > n {
		answer.Offers = answer.Offers[:n]
	}
	if err := send(answer); err != nil {
		return err
	}
	return m.after(ctx, "offer")
}

func memReasons(p *pb.Pledge, takesVolumes bool) []*pb.Reason {
	var reasons []*pb.Reason
	no := func(field, want, have, relax string) {
		reasons = append(reasons, &pb.Reason{Field: field, Want: want, Have: have, Text: fmt.Sprintf("%s %s: there is only %s", field, want, have), Relax: relax})
	}
	if p.GetSlots() > memMaxSlots {
		no("slots", fmt.Sprint(p.GetSlots()), fmt.Sprint(memMaxSlots), fmt.Sprintf("slots=%d", memMaxSlots))
	}
	if p.GetMemoryMib() > memMaxMemory {
		no("ramsize", fmt.Sprint(p.GetMemoryMib()), fmt.Sprint(memMaxMemory), fmt.Sprintf("ramsize=%d", memMaxMemory))
	}
	if a := p.GetArchs(); len(a) > 0 && !slices.Contains(a, "x86_64") {
		no("archs", fmt.Sprint(a), "x86_64", "archs=x86_64")
	}
	for _, f := range p.GetCpuFlags() {
		if f != "sse4_2" && f != "avx2" {
			no("flags", f, "sse4_2 and avx2", "")
		}
	}
	if len(p.GetPci()) > 0 {
		no("pci", p.GetPci()[0].GetVendor(), "no device", "")
	}
	if len(p.GetVolumes()) > 0 && !takesVolumes {
		no("volumes", "a volume", "no way to attach one", "")
	}
	if p.GetRequireEcc() && p.GetStrict() {
		no("ecc", "true", "no word about it", "strict=false")
	}
	return reasons
}

func (m *MemProvider) offers(z MemZone, p *pb.Pledge) []*pb.Offer {
	demand := m.offer(z, p)
	if z.SpotPrice == nil {
		return []*pb.Offer{demand}
	}
	spot := proto.CloneOf(demand)
	spot.Id += memSpot
	spot.Quantities[0].Sku += memSpot
	spot.Facts["spot"] = "true"
	return []*pb.Offer{demand, spot}
}

func (m *MemProvider) offer(z MemZone, p *pb.Pledge) *pb.Offer {
	vcpus := p.GetSlots()
	if !p.GetAllowSmt() {
		vcpus *= memThreads
	}
	shape := fmt.Sprintf("mem-%d-%d", p.GetSlots(), p.GetMemoryMib())
	o := &pb.Offer{
		Id: z.Name + "/" + shape, Region: "memory", Zone: z.Name, Shape: shape,
		Vcpus: vcpus, MemoryMib: p.GetMemoryMib(), Arch: "x86_64",
		PriceListRevision: m.list.Revision,
		ExpiresAt:         timestamppb.New(time.Now().Add(time.Minute)),
		Facts:             map[string]string{"accelerator": "none"},
		QuoteOnly:         m.quoteOnly(z),
		Consumer:          m.consumer(z.Name),
		Quantities: []*pb.Quantity{
			{Sku: "core-" + z.Name, Amount: fmt.Sprint(p.GetSlots()), Divisor: max(p.GetOverprovision(), 1), Text: "cores"},
			{Sku: "memory", Amount: fmt.Sprint(p.GetMemoryMib()), Divisor: 1024, Text: "GiB of memory"},
		},
	}
	if p.GetBootDiskGib() > 0 && !sdk.BootsFromVolume(p) {
		o.Quantities = append(o.Quantities, &pb.Quantity{Sku: "disk", Amount: fmt.Sprint(p.GetBootDiskGib()), Divisor: 1, Text: "GiB of disk"})
	}
	if p.GetRequireEcc() {
		o.Unknown = append(o.Unknown, "ecc")
	}
	return o
}
