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
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const computeService = "meson.plugin.v1.Compute"

// Offer asks for offers, and hands over offers and reasons as they come, each
// checked against the pledge. emit is not called concurrently; its error ends
// the call and is returned as it is. An offer that is not what the pledge asks
// for, or that contradicts the contract, is dropped; in the end the error, of
// kind Internal, names the first 20 of such faults. What was handed over stands
// whatever the error.
func (p *Provider) Offer(ctx context.Context, pledge core.Pledge, query core.OfferQuery, emit func([]core.Offer, []core.Reason) error) error {
	var emitErr error
	err := p.read(ctx, "ask for offers", computeService, p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewComputeClient(s.conn).Offer(ctx, &pb.OfferRequest{
			Provider: p.config.Name, Pledge: pledgeToPB(pledge), ForHours: uint32(query.Horizon.Hours()),
			Limit: uint32(query.Limit), OfferId: query.OfferID,
		})
		if err != nil {
			return err
		}
		in := &offersIn{provider: p, pledge: pledge, query: query, seen: make(map[string]bool)}
		for {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return in.faults.err("the offers")
			}
			if err != nil {
				return in.alongside(err)
			}
			offers, reasons, more := in.take(answer)
			if len(offers)+len(reasons) > 0 {
				if emitErr = emit(offers, reasons); emitErr != nil {
					return nil
				}
			}
			if !more {
				return in.faults.err("the offers")
			}
		}
	})
	if emitErr != nil {
		return emitErr
	}
	return err
}

// offersIn checks the messages of one Offer call.
type offersIn struct {
	provider *Provider
	pledge   core.Pledge
	query    core.OfferQuery

	seen    map[string]bool
	offers  int
	reasons int
	bytes   int
	faults  faults
}

// take is what of a message passes, and whether to go on.
func (in *offersIn) take(w *pb.OfferResponse) (offers []core.Offer, reasons []core.Reason, more bool) {
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
		if why := in.wrong(wo); why != nil {
			in.faults.add("offer "+cut(wo.GetId(), 64), "%v", why)
			if in.faults.count > maxReasons {
				return offers, reasons, false
			}
			continue
		}
		in.seen[wo.GetId()] = true
		in.offers++
		offers = append(offers, in.offer(wo))
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

// wrong says why an offer cannot be used, nil if it can.
func (in *offersIn) wrong(o *pb.Offer) error {
	expires := timeOf(o.GetExpiresAt())
	switch {
	case !isID(o.GetId()):
		return errors.New("its id is empty, too long or cannot be printed")
	case in.seen[o.GetId()]:
		return errors.New("its id was used twice")
	case in.query.OfferID != "" && o.GetId() != in.query.OfferID:
		return fmt.Errorf("offer %q alone was asked for", cut(in.query.OfferID, 64))
	case int64(o.GetVcpus()) < int64(in.pledge.Slots):
		return fmt.Errorf("%d vcpus: the pledge demands %d", o.GetVcpus(), in.pledge.Slots)
	case o.GetVcpus() > 1<<20:
		return fmt.Errorf("%d vcpus: no machine has that", o.GetVcpus())
	case o.GetMemoryMib() > 1<<40:
		return fmt.Errorf("%d MiB of memory: no machine has that", o.GetMemoryMib())
	case int64(o.GetMemoryMib()) < in.pledge.MemoryMiB:
		return fmt.Errorf("%d MiB of memory: the pledge demands %d", o.GetMemoryMib(), in.pledge.MemoryMiB)
	case len(in.pledge.Archs) > 0 && !slices.Contains(archs(in.pledge), o.GetArch()):
		return fmt.Errorf("architecture %q: the pledge demands %v", cut(o.GetArch(), 40), archs(in.pledge))
	case !expires.After(time.Now()):
		return fmt.Errorf("it expired at %s", expires.Format(time.RFC3339))
	case len(o.GetToken()) > maxToken:
		return fmt.Errorf("its token has %d bytes: at most %d", len(o.GetToken()), maxToken)
	case !isID(o.GetPriceListRevision()):
		return errors.New("it names no revision of a price list")
	case len(o.GetQuantities()) == 0:
		return errors.New("it has no quantities, hence no price")
	case len(o.GetQuantities()) > maxPerOffer || len(o.GetFacts()) > maxPerOffer || len(o.GetUnknown()) > maxPerOffer:
		return fmt.Errorf("more than %d quantities, facts or unknown fields", maxPerOffer)
	}
	for _, text := range []string{o.GetRegion(), o.GetZone(), o.GetShape()} {
		if text != "" && !isID(text) {
			return errors.New("its region, zone or shape is too long or cannot be printed")
		}
	}
	for _, q := range o.GetQuantities() {
		if err := wrongQuantity(q); err != nil {
			return err
		}
	}
	return nil
}

func wrongQuantity(q *pb.Quantity) error {
	if !isID(q.GetSku()) {
		return errors.New("a quantity names no sku")
	}
	// Money reads the same decimals as quantities are made of; the currency is of
	// no meaning here.
	amount, err := pricing.NewMoney(q.GetAmount(), "EUR")
	if err != nil {
		return fmt.Errorf("quantity of %s: %q is no decimal number", cut(q.GetSku(), 64), cut(q.GetAmount(), 40))
	}
	if amount.Sign() <= 0 {
		return fmt.Errorf("quantity of %s: %s is not positive", cut(q.GetSku(), 64), cut(q.GetAmount(), 40))
	}
	return nil
}

// offer is an offer that is not wrong.
func (in *offersIn) offer(w *pb.Offer) core.Offer {
	o := core.Offer{
		ID: w.GetId(), Provider: in.provider.config.Name, Plugin: in.provider.config.Plugin,
		Region: w.GetRegion(), Zone: w.GetZone(), Shape: w.GetShape(),
		VCPUs: int(w.GetVcpus()), MemoryMiB: int64(w.GetMemoryMib()), Arch: w.GetArch(),
		Unknown: make([]string, 0, len(w.GetUnknown())), ListRevision: w.GetPriceListRevision(),
		ExpiresAt: timeOf(w.GetExpiresAt()), Token: w.GetToken(), QuoteOnly: quoteOnly(w.GetQuoteOnly()),
		Consumer: consumer(w.GetConsumer()),
	}
	for _, field := range w.GetUnknown() {
		o.Unknown = append(o.Unknown, cut(field, 64))
	}
	for _, q := range w.GetQuantities() {
		o.Quantities = append(o.Quantities, sdk.QuantityFromPB(q))
	}
	if len(w.GetFacts()) > 0 {
		o.Facts = make(map[string]string, len(w.GetFacts()))
		for key, value := range w.GetFacts() {
			o.Facts[cut(key, 64)] = cut(value, maxText)
		}
	}
	return o
}

// quoteOnly is why an offer cannot be bought: never empty for one that says so,
// even in characters that cannot be shown.
func quoteOnly(why string) string {
	if why == "" {
		return ""
	}
	if why = strings.TrimSpace(cut(why, maxText)); why == "" {
		return "the plugin does not say why"
	}
	return why
}

// alongside keeps the error that ended the stream, and adds the faults found
// before it where it can carry them.
func (in *offersIn) alongside(err error) error {
	if in.faults.count > 0 {
		in.provider.plugin.log.Warn("faults in offers", "provider", in.provider.config.Name, "faults", in.faults.count, "first", in.faults.list[0].String())
	}
	return err
}
