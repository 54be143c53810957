package iscsi

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// offerLife is how long an offer stands: what is free may be gone by then.
const offerLife = time.Minute

// shape is what an offer means; it travels in its token.
type shape struct {
	// Rank is its place among those that cost the same: the order of the vaults, and
	// of the formats in each.
	Rank int `json:"rank"`
	// Vault is the name of the vault.
	Vault  string       `json:"vault"`
	Format vault.Format `json:"format,omitempty"`
	Size   uint64       `json:"size_bytes"`
}

func (s shape) id() string {
	format := string(s.Format)
	if format == "" {
		format = "shared"
	}
	return fmt.Sprintf("%02d/%s/%s/%d", s.Rank, s.Vault, format, s.Size)
}

func (s shape) sku() string {
	switch s.Format {
	case vault.Raw:
		return skuRaw
	case vault.QCOW2:
		return skuImage
	}
	return skuShared
}

// roundUp is a size as vaults have them.
func roundUp(size uint64) uint64 {
	if size > math.MaxUint64-vault.Step {
		return size - size%vault.Step
	}
	return (size + vault.Step - 1) / vault.Step * vault.Step
}

// OfferVolume answers with each vault and format that has room.
func (p *Provider) OfferVolume(ctx context.Context, req *pb.OfferVolumeRequest, send func(*pb.OfferVolumeResponse) error) error {
	list, err := p.PriceList(ctx)
	if err != nil {
		return err
	}
	answer := &pb.OfferVolumeResponse{Reasons: p.config.refusals(req)}
	if len(answer.Reasons) == 0 {
		for i, at := range p.store.vaults {
			size := roundUp(req.GetSpec().GetSizeBytes())
			has, err := p.store.room(ctx, at)
			if err != nil {
				answer.Reasons = append(answer.Reasons, &pb.Reason{Candidate: "vault " + at.name, Text: sdk.CleanText(err.Error(), 500)})
				continue
			}
			if no := has.refusal(at, size); no != nil {
				answer.Reasons = append(answer.Reasons, no)
				continue
			}
			for j, format := range p.config.formats(req.GetSpec()) {
				o, err := p.offer(shape{Rank: 2*i + j, Vault: at.name, Format: format, Size: size}, list, req)
				if err != nil {
					return err
				}
				if o != nil {
					maps.Copy(o.Facts, has.facts())
					answer.Offers = append(answer.Offers, o)
				}
			}
		}
	}
	if len(answer.Offers)+len(answer.Reasons) == 0 {
		answer.Reasons = []*pb.Reason{{Candidate: req.GetOfferId(), Text: "no such offer for this volume"}}
	}
	if err := sdk.SortVolumeOffers(list, pricing.Horizon(req.GetForHours()), answer.Offers); err != nil {
		return err
	}
	if n := int(req.GetLimit()); n > 0 && len(answer.Offers) > n {
		answer.Offers = answer.Offers[:n]
	}
	return send(answer)
}

// offer is nil where another one was asked for, or nobody can reach it.
func (p *Provider) offer(s shape, list *pricing.List, req *pb.OfferVolumeRequest) (*pb.VolumeOffer, error) {
	exposures := p.config.exposures(req.GetSpec().GetShareable(), s.Format)
	var kinds []pb.ConnectionKind
	for _, e := range exposures {
		if !slices.Contains(kinds, e.GetKind()) {
			kinds = append(kinds, e.GetKind())
		}
	}
	if id := req.GetOfferId(); id != "" && id != s.id() || !reachable(kinds, req.GetConsumable()) {
		return nil, nil
	}
	token, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode token: %w", err)
	}
	format := string(s.Format)
	if format == "" {
		format = "directory"
	}
	return &pb.VolumeOffer{
		Id: s.id(), Region: p.config.Region, Zone: p.config.zone(), Tier: s.Vault, SizeBytes: s.Size, Token: token,
		Exports: kinds, Exposures: exposures, PriceListRevision: list.Revision, ExpiresAt: timestamppb.New(time.Now().Add(offerLife)),
		Facts:      map[string]string{"format": format},
		Format:     string(s.Format),
		Quantities: []*pb.Quantity{{Sku: s.sku(), Amount: fmt.Sprint(s.Size / vault.Step), Divisor: vault.GiB / vault.Step, Text: "GiB of volume"}},
	}, nil
}

// formats are those that a volume may have, the preferred one first. A shareable
// one is a directory.
func (c *Config) formats(spec *pb.VolumeSpec) []vault.Format {
	switch {
	case spec.GetShareable():
		return []vault.Format{""}
	case spec.GetFormat() != "":
		return []vault.Format{vault.Format(spec.GetFormat())}
	case c.Format == string(vault.Raw):
		return []vault.Format{vault.Raw, vault.QCOW2}
	}
	return []vault.Format{vault.QCOW2, vault.Raw}
}

func reachable(kinds, consumable []pb.ConnectionKind) bool {
	return len(consumable) == 0 || slices.ContainsFunc(kinds, func(k pb.ConnectionKind) bool { return slices.Contains(consumable, k) })
}

// refusals are why no vault of the provider can have such a volume.
func (c *Config) refusals(req *pb.OfferVolumeRequest) (reasons []*pb.Reason) {
	no := func(field, want, have, relax, text string) {
		reasons = append(reasons, &pb.Reason{Field: field, Want: want, Have: have, Relax: relax, Text: text})
	}
	spec := req.GetSpec()
	if most := uint64(c.MaxVolumeGiB) * vault.GiB; spec.GetSizeBytes() > most {
		no("size", fmt.Sprintf("%d bytes", spec.GetSizeBytes()), fmt.Sprintf("%d GiB", c.MaxVolumeGiB), fmt.Sprintf("size_gib=%d", c.MaxVolumeGiB),
			fmt.Sprintf("the largest volume has %d GiB", c.MaxVolumeGiB))
	}
	if spec.GetShareable() && spec.GetBootable() {
		no("shareable", "true", "bootable", "shareable=false", "what is bootable is a disk of one machine, and not shareable")
	}
	if f := spec.GetFormat(); f != "" && f != string(vault.Raw) && f != string(vault.QCOW2) {
		no("format", f, "raw, qcow2", "format=", "volumes are raw or qcow2")
	}
	if f := spec.GetFormat(); f != "" && spec.GetShareable() {
		no("format", f, "a directory", "format=", "a shareable volume is a directory and has no format")
	}
	exposures := c.exposures(spec.GetShareable(), vault.Raw)
	if len(exposures) == 0 {
		what := map[bool]string{true: "nfs_address", false: "address or host_uuid"}[spec.GetShareable()]
		relax := ""
		if len(c.exposures(!spec.GetShareable(), vault.Raw)) > 0 {
			relax = fmt.Sprintf("shareable=%v", !spec.GetShareable())
		}
		no("shareable", fmt.Sprint(spec.GetShareable()), "", relax, c.whose()+" have no "+what+", so nobody could reach it")
	}
	var kinds []pb.ConnectionKind
	var have, want []string
	for _, e := range exposures {
		if !slices.Contains(kinds, e.GetKind()) {
			kinds, have = append(kinds, e.GetKind()), append(have, sdk.KindName(e.GetKind()))
		}
	}
	for _, k := range req.GetConsumable() {
		want = append(want, sdk.KindName(k))
	}
	if len(kinds) > 0 && !reachable(kinds, req.GetConsumable()) {
		no("connection", strings.Join(want, ", "), strings.Join(have, ", "), "", "such a volume is reached by "+strings.Join(have, ", ")+" alone")
	}
	return reasons
}

// shapeOf reads the token of an offer.
func (p *Provider) shapeOf(o *pb.VolumeOffer) (shape, *place, error) {
	var s shape
	err := json.Unmarshal(o.GetToken(), &s)
	if err == nil {
		if at := p.store.named(s.Vault); at != nil && s.id() == o.GetId() && s.Size%vault.Step == 0 && s.Size > 0 {
			return s, at, nil
		}
		err = fmt.Errorf("it is of no vault of this provider, or of another offer")
	}
	return s, nil, sdk.InvalidFaults("read offer", []sdk.Fault{
		{Path: "offer.token", Want: "the token of an offer of this provider", Text: sdk.CleanText(err.Error(), 200)},
	})
}
