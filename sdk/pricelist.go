package sdk

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// MaxPrices bounds a price list.
const MaxPrices = 200_000

// maxListFaults bounds how many faults of one list are reported.
const maxListFaults = 20

// PriceListToPB is a list as it crosses the wire.
func PriceListToPB(l *pricing.List) *pb.PriceList {
	out := &pb.PriceList{Revision: l.Revision, Source: l.Source, Prices: make([]*pb.Price, len(l.Prices))}
	if !l.AsOf.IsZero() {
		out.AsOf = timestamppb.New(l.AsOf)
	}
	for i, p := range l.Prices {
		out.Prices[i] = &pb.Price{
			Sku: p.SKU, Kind: kindToPB(p.Kind), Unit: unitToPB(p.Unit),
			Amount: p.Amount.Amount(), Currency: p.Amount.Currency(), Free: p.Free, Text: p.Text,
		}
	}
	return out
}

// PriceListFromPB reads and checks a list that came from a plugin. What is wrong
// with it is the plugin's fault: an Internal error that names the first faults.
func PriceListFromPB(w *pb.PriceList) (*pricing.List, error) {
	if n := len(w.GetPrices()); n > MaxPrices {
		return nil, Errorf(Internal, "price list of %d prices: at most %d", n, MaxPrices)
	}
	l := &pricing.List{
		Revision: CleanText(w.GetRevision(), MaxTextBytes),
		Source:   CleanText(w.GetSource(), MaxTextBytes),
		Prices:   make([]pricing.Price, 0, len(w.GetPrices())),
	}
	if w.GetAsOf().IsValid() {
		l.AsOf = w.GetAsOf().AsTime()
	}
	var faults []error
	for i, p := range w.GetPrices() {
		amount, err := pricing.NewMoney(p.GetAmount(), p.GetCurrency())
		if err == nil && !amount.IsSet() {
			err = errors.New("no currency")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("price %d, sku %.64q: %w", i+1, p.GetSku(), err))
			if len(faults) == maxListFaults {
				break
			}
			continue
		}
		l.Prices = append(l.Prices, pricing.Price{
			SKU: p.GetSku(), Kind: kindFromPB(p.GetKind()), Unit: unitFromPB(p.GetUnit()),
			Amount: amount, Free: p.GetFree(), Text: CleanText(p.GetText(), MaxTextBytes),
		})
	}
	if len(faults) == 0 {
		if err := l.Check(); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, &Error{
			Kind: Internal, Source: SourcePlugin, Op: "read price list",
			Text: CleanText(errors.Join(faults...).Error(), MaxTextBytes),
		}
	}
	return l, nil
}

// QuantityToPB is a quantity as it crosses the wire. Its divisor must fit in 32
// bits.
func QuantityToPB(q pricing.Quantity) *pb.Quantity {
	return &pb.Quantity{Sku: q.SKU, Amount: q.Amount, Divisor: uint32(q.Divisor), Text: q.Text, Included: q.Included}
}

// QuantityFromPB reads a quantity; pricing.List.Quote checks it.
func QuantityFromPB(w *pb.Quantity) pricing.Quantity {
	return pricing.Quantity{
		SKU: w.GetSku(), Amount: w.GetAmount(), Divisor: int64(w.GetDivisor()),
		Text: CleanText(w.GetText(), MaxTextBytes), Included: w.GetIncluded(),
	}
}

// QuoteOf is what quantities cost by a list.
func QuoteOf(l *pricing.List, quantities []*pb.Quantity, horizon pricing.Horizon) (pricing.Quote, error) {
	read := make([]pricing.Quantity, len(quantities))
	for i, q := range quantities {
		read[i] = QuantityFromPB(q)
	}
	return l.Quote(read, horizon)
}

// SortOffers puts offers into the order that the contract asks for: by exact
// total over the horizon, those of equal total by id. An offer without a price
// is an error, and the order is then undefined.
func SortOffers(l *pricing.List, horizon pricing.Horizon, offers []*pb.Offer) error {
	totals := make(map[*pb.Offer]pricing.Money, len(offers))
	for _, o := range offers {
		q, err := QuoteOf(l, o.GetQuantities(), horizon)
		if err != nil {
			return fmt.Errorf("offer %.64q: %w", o.GetId(), err)
		}
		totals[o] = q.Total
	}
	var mixed error
	slices.SortStableFunc(offers, func(a, b *pb.Offer) int {
		c, err := totals[a].Cmp(totals[b])
		if err != nil {
			mixed = err
		}
		return cmp.Or(c, cmp.Compare(a.GetId(), b.GetId()))
	})
	return mixed
}

func kindToPB(k pricing.Kind) pb.ComponentKind {
	switch k {
	case pricing.KindCompute:
		return pb.ComponentKind_COMPONENT_KIND_COMPUTE
	case pricing.KindMemory:
		return pb.ComponentKind_COMPONENT_KIND_MEMORY
	case pricing.KindAccelerator:
		return pb.ComponentKind_COMPONENT_KIND_ACCELERATOR
	case pricing.KindDisk:
		return pb.ComponentKind_COMPONENT_KIND_DISK
	case pricing.KindAddress:
		return pb.ComponentKind_COMPONENT_KIND_ADDRESS
	case pricing.KindTraffic:
		return pb.ComponentKind_COMPONENT_KIND_TRAFFIC
	case pricing.KindLicence:
		return pb.ComponentKind_COMPONENT_KIND_LICENCE
	case pricing.KindSnapshot:
		return pb.ComponentKind_COMPONENT_KIND_SNAPSHOT
	}
	return pb.ComponentKind_COMPONENT_KIND_UNSPECIFIED
}

func kindFromPB(w pb.ComponentKind) pricing.Kind {
	for _, k := range []pricing.Kind{
		pricing.KindCompute, pricing.KindMemory, pricing.KindAccelerator, pricing.KindDisk,
		pricing.KindAddress, pricing.KindTraffic, pricing.KindLicence, pricing.KindSnapshot,
	} {
		if kindToPB(k) == w {
			return k
		}
	}
	return pricing.Kind(fmt.Sprintf("unknown-%d", w))
}

func unitToPB(u pricing.Unit) pb.Unit {
	switch u {
	case pricing.UnitHour:
		return pb.Unit_UNIT_HOUR
	case pricing.UnitGiBHour:
		return pb.Unit_UNIT_GIB_HOUR
	case pricing.UnitMonth:
		return pb.Unit_UNIT_MONTH
	case pricing.UnitGiBMonth:
		return pb.Unit_UNIT_GIB_MONTH
	case pricing.UnitGiB:
		return pb.Unit_UNIT_GIB
	}
	return pb.Unit_UNIT_UNSPECIFIED
}

func unitFromPB(w pb.Unit) pricing.Unit {
	for _, u := range []pricing.Unit{
		pricing.UnitHour, pricing.UnitGiBHour, pricing.UnitMonth, pricing.UnitGiBMonth, pricing.UnitGiB,
	} {
		if unitToPB(u) == w {
			return u
		}
	}
	return pricing.Unit(fmt.Sprintf("unknown-%d", w))
}
