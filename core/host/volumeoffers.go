package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// OfferVolume asks for offers of a volume, and hands over offers and reasons as
// they come, each checked against what was asked for. It is Offer for volumes:
// emit, the errors, and what stands after one are as there.
func (p *Provider) OfferVolume(ctx context.Context, spec core.VolumeSpec, query core.VolumeQuery, emit func([]core.VolumeOffer, []core.Reason) error) error {
	var emitErr error
	err := p.read(ctx, "ask for volume offers", storageService, p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewStorageClient(s.conn).OfferVolume(ctx, &pb.OfferVolumeRequest{
			Provider: p.config.Name, Spec: volumeSpecToPB(spec), ForHours: uint32(query.Horizon.Hours()),
			Limit: uint32(max(query.Limit, 0)), Consumable: kindsToPB(query.Kinds), OfferId: query.OfferID,
		})
		if err != nil {
			return err
		}
		in := &volumeOffersIn{provider: p, spec: spec, query: query, seen: make(map[string]bool)}
		for {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return in.faults.err("the volume offers")
			}
			if err != nil {
				return err
			}
			offers, reasons, more := in.take(answer)
			if len(offers)+len(reasons) > 0 {
				if emitErr = emit(offers, reasons); emitErr != nil {
					return nil
				}
			}
			if !more {
				return in.faults.err("the volume offers")
			}
		}
	})
	if emitErr != nil {
		return emitErr
	}
	return err
}

// volumeOffersIn checks the messages of one OfferVolume call.
type volumeOffersIn struct {
	provider *Provider
	spec     core.VolumeSpec
	query    core.VolumeQuery

	seen    map[string]bool
	offers  int
	reasons int
	bytes   int
	faults  faults
}

// take is what of a message passes, and whether to go on.
func (in *volumeOffersIn) take(w *pb.OfferVolumeResponse) (offers []core.VolumeOffer, reasons []core.Reason, more bool) {
	if in.bytes += proto.Size(w); in.bytes > maxStreamBytes {
		in.faults.add("", "the answer is larger than %d MiB", maxStreamBytes>>20)
		return nil, nil, false
	}
	limit := maxOffers
	if in.query.Limit > 0 {
		limit = min(limit, in.query.Limit)
	}
	for _, wo := range w.GetOffers() {
		if in.offers == limit {
			in.faults.add("", "more than %d offers", limit)
			return offers, reasons, false
		}
		o := in.offer(wo)
		if why := in.wrong(wo, o); why != nil {
			in.faults.add("offer "+cut(wo.GetId(), 64), "%v", why)
			if in.faults.count > maxReasons {
				return offers, reasons, false
			}
			continue
		}
		in.seen[o.ID] = true
		in.offers++
		offers = append(offers, o)
	}
	for _, r := range w.GetReasons() {
		if in.reasons == maxReasons {
			in.faults.add("", "more than %d reasons", maxReasons)
			return offers, reasons, false
		}
		in.reasons++
		reasons = append(reasons, reason(in.provider.config.Name, r))
	}
	return offers, reasons, true
}

// wrong says why an offer cannot be used, nil if it can. o is what it would be.
func (in *volumeOffersIn) wrong(w *pb.VolumeOffer, o core.VolumeOffer) error {
	switch {
	case !isID(w.GetId()):
		return errors.New("its id is empty, too long or cannot be printed")
	case in.seen[w.GetId()]:
		return errors.New("its id was used twice")
	case in.query.OfferID != "" && w.GetId() != in.query.OfferID:
		return fmt.Errorf("offer %q alone was asked for", cut(in.query.OfferID, 64))
	case w.GetSizeBytes() > maxVolumeBytes:
		return fmt.Errorf("%d bytes: no volume has that", w.GetSizeBytes())
	case o.SizeBytes < in.spec.SizeBytes:
		return fmt.Errorf("%d bytes: %d were asked for", o.SizeBytes, in.spec.SizeBytes)
	case !isFormat(o.Format):
		return fmt.Errorf("its format is %q: want raw, qcow2 or nothing", cut(o.Format, 40))
	case o.Format != "" && o.Format != in.spec.Format && in.spec.Format != "":
		return fmt.Errorf("its format is %s: %s was asked for", o.Format, in.spec.Format)
	case !o.ExpiresAt.After(time.Now()):
		return fmt.Errorf("it expired at %s", o.ExpiresAt.Format(time.RFC3339))
	case len(w.GetToken()) > maxToken:
		return fmt.Errorf("its token has %d bytes: at most %d", len(w.GetToken()), maxToken)
	case !isID(w.GetPriceListRevision()):
		return errors.New("it names no revision of a price list")
	case len(w.GetQuantities()) == 0:
		return errors.New("it has no quantities, hence no price")
	case len(w.GetQuantities()) > maxPerOffer || len(w.GetFacts()) > maxPerOffer || len(w.GetUnknown()) > maxPerOffer || len(w.GetExposures()) > maxExposures:
		return fmt.Errorf("more than %d quantities, facts, unknown fields or exposures", maxPerOffer)
	case len(in.query.Kinds) > 0 && !slices.ContainsFunc(o.Exposures, in.wanted):
		return fmt.Errorf("it is reached by none of %s", join(in.query.Kinds))
	}
	for _, text := range []string{w.GetRegion(), w.GetZone(), w.GetTier()} {
		if text != "" && !isID(text) {
			return errors.New("its region, zone or tier is too long or cannot be printed")
		}
	}
	for _, q := range w.GetQuantities() {
		if err := wrongQuantity(q); err != nil {
			return err
		}
	}
	return nil
}

func (in *volumeOffersIn) wanted(e core.Exposure) bool {
	return slices.Contains(in.query.Kinds, e.Kind)
}

// offer is what an offer says, right or wrong, bounded.
func (in *volumeOffersIn) offer(w *pb.VolumeOffer) core.VolumeOffer {
	o := core.VolumeOffer{
		ID: w.GetId(), Provider: in.provider.config.Name, Plugin: in.provider.config.Plugin,
		Region: w.GetRegion(), Zone: w.GetZone(), Tier: w.GetTier(), SizeBytes: int64(min(w.GetSizeBytes(), maxVolumeBytes)),
		Exposures: exposuresOf(w.GetExposures()), Unknown: []string{}, ListRevision: w.GetPriceListRevision(),
		ExpiresAt: timeOf(w.GetExpiresAt()), Token: w.GetToken(), QuoteOnly: quoteOnly(w.GetQuoteOnly()), Format: cut(w.GetFormat(), 64),
	}
	if len(w.GetExposures()) == 0 {
		for rank, kind := range kindsOf(w.GetExports()) {
			o.Exposures = append(o.Exposures, core.Exposure{Kind: kind, Rank: rank})
		}
	}
	for _, field := range w.GetUnknown()[:min(len(w.GetUnknown()), maxPerOffer)] {
		o.Unknown = append(o.Unknown, cut(field, 64))
	}
	if o.Format == "" && in.spec.Format != "" && !slices.Contains(o.Unknown, "format") {
		o.Unknown = append(o.Unknown, "format")
	}
	for _, q := range w.GetQuantities()[:min(len(w.GetQuantities()), maxPerOffer)] {
		o.Quantities = append(o.Quantities, sdk.QuantityFromPB(q))
	}
	if n := len(w.GetFacts()); n > 0 && n <= maxPerOffer {
		o.Facts = make(map[string]string, n)
		for key, value := range w.GetFacts() {
			o.Facts[cut(key, 64)] = cut(value, maxText)
		}
	}
	return o
}

func join(all []core.ConnectionKind) string {
	words := make([]string, len(all))
	for i, k := range all {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}
