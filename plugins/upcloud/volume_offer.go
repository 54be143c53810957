package upcloud

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// volumeShape is what an offer of a volume means; it travels in its token.
type volumeShape struct {
	Zone string `json:"zone"`
	Tier string `json:"tier"`
	GiB  int    `json:"gib"`
}

// OfferVolume answers with every zone and tier that has a price, the cheapest
// first.
func (p *Provider) OfferVolume(ctx context.Context, req *pb.OfferVolumeRequest, send func(*pb.OfferVolumeResponse) error) error {
	size, reasons := volumeSize(req)
	if p.api == nil {
		reasons = append(reasons, &pb.Reason{Text: p.noCredentials()})
	}
	if len(reasons) > 0 {
		return send(&pb.OfferVolumeResponse{Reasons: reasons})
	}
	horizon, err := pricing.ParseHorizon(fmt.Sprintf("%dh", cmp.Or(req.GetForHours(), uint32(pricing.Month))))
	if err != nil {
		return sdk.InvalidFaults("read request", []sdk.Fault{{Path: "for_hours", Want: "at most ten years", Text: err.Error()}})
	}
	s, err := p.shop(ctx)
	if err != nil {
		return err
	}
	fits, err := s.volumes(horizon, size, req.GetOfferId())
	if err != nil {
		return &sdk.Error{Kind: sdk.Internal, Op: "price volumes", Source: sdk.SourcePlugin, Err: err}
	}
	if limit := int(req.GetLimit()); limit > 0 && len(fits) > limit {
		fits = fits[:limit]
	}
	answer := &pb.OfferVolumeResponse{Reasons: s.leftOut}
	for _, f := range fits {
		o, err := p.volumeOffer(s, f)
		if err != nil {
			return err
		}
		answer.Offers = append(answer.Offers, o)
	}
	return send(answer)
}

// pricedVolume is a volume in a zone and a tier with what it costs.
type pricedVolume struct {
	volumeShape
	id       string
	region   string
	quantity pricing.Quantity
	total    pricing.Money
}

// volumes are those of a size that have a price, the cheapest first; with an id,
// that one alone.
func (s *shop) volumes(h pricing.Horizon, size int, id string) ([]pricedVolume, error) {
	quoter := s.list.Quoter(h)
	var all []pricedVolume
	for _, at := range s.zones {
		for tier, sku := range at.storage {
			v := pricedVolume{
				volumeShape: volumeShape{Zone: at.zone, Tier: tier, GiB: size}, region: at.region,
				id:       fmt.Sprintf("%s/storage/%s/%dg", at.zone, tier, size),
				quantity: pricing.Quantity{SKU: sku, Amount: digits(size), Divisor: 1, Text: digits(size) + " GiB of tier " + tier},
			}
			if sku == "" || id != "" && id != v.id {
				continue
			}
			quote, err := quoter.Quote([]pricing.Quantity{v.quantity})
			if err != nil {
				return nil, err
			}
			v.total = quote.Total
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b pricedVolume) int {
		c, _ := a.total.Cmp(b.total) // of one list, so of one currency
		return cmp.Or(c, cmp.Compare(a.id, b.id))
	})
	return all, nil
}

func (p *Provider) volumeOffer(s *shop, v pricedVolume) (*pb.VolumeOffer, error) {
	token, err := json.Marshal(v.volumeShape)
	if err != nil {
		return nil, fmt.Errorf("encode token: %w", err)
	}
	return &pb.VolumeOffer{
		Id: v.id, Region: v.region, Zone: v.Zone, Tier: v.Tier, SizeBytes: uint64(v.GiB) * gib, Token: token,
		Exports: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NATIVE}, Quantities: []*pb.Quantity{sdk.QuantityToPB(v.quantity)},
		PriceListRevision: s.list.Revision, ExpiresAt: timestamppb.New(p.now().Add(offerLife)),
		Exposures: exposures(p.name, v.Zone),
	}, nil
}

// volumeSize is the size that UpCloud would give, or why it gives none.
func volumeSize(req *pb.OfferVolumeRequest) (size int, reasons []*pb.Reason) {
	no := func(field, want, have, relax, text string) {
		reasons = append(reasons, &pb.Reason{Field: field, Want: want, Have: have, Relax: relax, Text: text})
	}
	asked := (req.GetSpec().GetSizeBytes() + gib - 1) / gib
	if asked > maxBootDiskGiB {
		no("size", fmt.Sprintf("%d GiB", asked), fmt.Sprintf("%d GiB", maxBootDiskGiB), fmt.Sprintf("size=%d", uint64(maxBootDiskGiB)*gib),
			fmt.Sprintf("UpCloud's largest storage has %d GiB", maxBootDiskGiB))
	}
	if req.GetSpec().GetShareable() {
		no("shareable", "true", "false", "shareable=false", "a storage of UpCloud is of one server at a time")
	}
	if req.GetSpec().GetBootable() {
		no("bootable", "true", "false", "bootable=false", "servers boot the disk that they are made with")
	}
	if req.GetSpec().GetReadOnly() {
		no("read_only", "true", "false", "read_only=false", "UpCloud has no storages that are attached for reading alone")
	}
	if f := req.GetSpec().GetFormat(); f != "" {
		no("format", f, "", "format=", "a storage of UpCloud has no format that could be chosen")
	}
	if all := req.GetConsumable(); len(all) > 0 && !slices.Contains(all, pb.ConnectionKind_CONNECTION_KIND_NATIVE) {
		var kinds []string
		for _, k := range all {
			kinds = append(kinds, strings.ToLower(strings.TrimPrefix(k.String(), "CONNECTION_KIND_")))
		}
		no("connection", strings.Join(kinds, ", "), "native", "", "UpCloud's storages reach UpCloud's servers alone")
	}
	return max(int(min(asked, maxBootDiskGiB)), minBootDiskGiB), reasons
}

// shapeOf reads the token of an offer.
func shapeOf(o *pb.VolumeOffer) (*volumeShape, error) {
	s := &volumeShape{}
	err := json.Unmarshal(o.GetToken(), s)
	switch {
	case err == nil && s.Zone != "" && s.Zone == o.GetZone() && s.Tier != "" && s.GiB >= minBootDiskGiB && s.GiB <= maxBootDiskGiB:
		return s, nil
	case err == nil:
		err = fmt.Errorf("it lacks zone, tier or size, or is of another zone")
	}
	return nil, sdk.InvalidFaults("read offer", []sdk.Fault{
		{Path: "offer.token", Want: "the token of an offer of this plugin", Text: sdk.CleanText(err.Error(), 200)},
	})
}
