package kvm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	// offerLife is how long an offer stands: own hosts change by the minute.
	offerLife = 60 * time.Second
	// ignoreUnsettled is for how long a claim that its maker has not looked at
	// again may still be withdrawn: an offer is not refused for it.
	ignoreUnsettled = 15 * time.Second
)

// Snapshot is what was last seen of a host.
type Snapshot struct {
	Site Site
	// Host is nil where the host could not be looked at; Err says why.
	Host *inventory.Host
	Err  error
}

// Offers answers a pledge from what was last seen of the hosts: at most one
// offer for each host, ordered by exact total for the asked horizon, then by
// zone; and every reason of every host that has none, in the order of the
// snapshots. It is pure. An error means that prices or request make no sense,
// not that nothing was found.
func Offers(c *Config, list *pricing.List, snapshots []Snapshot, req *pb.OfferRequest, now time.Time) (*pb.OfferResponse, error) {
	horizon, err := pricing.ParseHorizon(fmt.Sprintf("%dh", cmp.Or(req.GetForHours(), uint32(pricing.Month))))
	if err != nil {
		return nil, &sdk.Error{Kind: sdk.Invalid, Op: "read request", Source: sdk.SourcePlugin, Faults: []sdk.Fault{
			{Path: "for_hours", Have: fmt.Sprint(req.GetForHours()), Want: "at most ten years", Text: err.Error()},
		}}
	}
	answer := &pb.OfferResponse{}
	// No host can have what the provider has not; what else stands in the way is
	// said all the same.
	reasons := c.lacks(req.GetPledge())
	answer.Reasons = append(answer.Reasons, reasons...)
	var found []priced
	for i := range snapshots {
		s := &snapshots[i]
		m, no := s.fit(c, req.GetPledge(), now)
		answer.Reasons = append(answer.Reasons, no...)
		if len(no) > 0 || len(reasons) > 0 {
			continue
		}
		m.provider = req.GetProvider()
		p, err := m.price(list, horizon)
		if err != nil {
			return nil, &sdk.Error{Kind: sdk.Internal, Op: "price offer", Subject: "host " + s.Site.Zone, Source: sdk.SourcePlugin, Err: err}
		}
		p.offer.ExpiresAt = timestamppb.New(now.Add(offerLife))
		found = append(found, p)
	}
	slices.SortStableFunc(found, priced.compare)
	for _, p := range found {
		if (req.GetOfferId() == "" || req.GetOfferId() == p.offer.GetId()) && (req.GetLimit() == 0 || len(answer.Offers) < int(req.GetLimit())) {
			answer.Offers = append(answer.Offers, p.offer)
		}
	}
	if id := req.GetOfferId(); id != "" && len(answer.Offers) == 0 {
		zone, _, _ := strings.Cut(id, "/")
		said := slices.ContainsFunc(answer.Reasons, func(r *pb.Reason) bool { return r.GetCandidate() == "" || r.GetCandidate() == zone })
		if !said {
			answer.Reasons = append(answer.Reasons, &pb.Reason{Candidate: zone, Field: "offer_id", Want: id, Have: "other offers", Text: "this offer is not made any more"})
		}
	}
	return answer, nil
}

// match is a host that can have the machine.
type match struct {
	snapshot   *Snapshot
	provider   string
	pledge     *pb.Pledge
	request    fit.Request
	assignment fit.Assignment
}

// fit asks one host.
func (s *Snapshot) fit(c *Config, pledge *pb.Pledge, now time.Time) (match, []*pb.Reason) {
	zone := s.Site.Zone
	if s.Err != nil || s.Host == nil {
		text := "it has not been looked at yet"
		if s.Err != nil {
			text = s.Err.Error()
		}
		return match{}, []*pb.Reason{{Candidate: zone, Field: "host", Want: "reachable", Have: "unreachable", Text: sdk.CleanText(text, 500)}}
	}
	image, arch, reasons := s.boot(c, pledge)
	m := match{snapshot: s, pledge: pledge, request: fit.RequestOf(pledge, bootDisk(pledge, image, sdk.BootsFromVolume(pledge)), wantsEFI(pledge, image))}
	if arch != "" {
		m.request.Archs = []string{arch}
	}
	limits := s.Site.Limits
	if pledge.GetPublicIpv4() {
		limits.Network = s.Site.PublicNetwork
		if limits.Network == "" {
			reasons = append(reasons, &pb.Reason{
				Candidate: zone, Field: "public_ipv4", Want: "true", Have: "false", Relax: "public_ipv4=false",
				Text: "no public network is configured",
			})
		}
	}
	assignment, no := fit.Fit(s.Host, limits, m.request, fit.Options{Now: now, IgnoreUnsettled: ignoreUnsettled})
	for _, r := range no {
		reasons = append(reasons, &pb.Reason{Candidate: zone, Field: r.Field, Want: r.Want, Have: r.Have, Text: r.Text, Relax: r.Relax})
	}
	m.assignment = assignment
	return m, reasons
}

// bootDisk is the size asked, or what the image needs if that is more; of a machine
// that boots from a volume nothing.
func bootDisk(pledge *pb.Pledge, image *Image, volume bool) uint64 {
	if volume {
		return 0
	}
	if image == nil {
		return pledge.GetBootDiskGib()
	}
	return max(pledge.GetBootDiskGib(), uint64(max(image.MinDiskGiB, 0)))
}

func wantsEFI(pledge *pb.Pledge, image *Image) bool {
	return pledge.GetFirmware() == "efi" || (pledge.GetFirmware() == "" && image != nil && image.Firmware == "efi")
}

// priced is an offer with what it costs.
type priced struct {
	offer *pb.Offer
	total pricing.Money
}

// compare orders by total; all are of the list's one currency.
func (p priced) compare(o priced) int {
	c, err := p.total.Cmp(o.total)
	if err != nil {
		c = 0
	}
	return cmp.Or(c, cmp.Compare(p.offer.GetZone(), o.offer.GetZone()))
}

func (m *match) price(list *pricing.List, horizon pricing.Horizon) (priced, error) {
	offer := m.offer()
	offer.PriceListRevision = list.Revision
	quantities := make([]pricing.Quantity, 0, len(offer.Quantities))
	for _, q := range offer.Quantities {
		quantities = append(quantities, pricing.Quantity{SKU: q.GetSku(), Amount: q.GetAmount(), Divisor: int64(q.GetDivisor()), Text: q.GetText()})
	}
	quote, err := list.Quote(quantities, horizon)
	if err != nil {
		return priced{}, fmt.Errorf("quote: %w", err)
	}
	return priced{offer, quote.Total}, nil
}
