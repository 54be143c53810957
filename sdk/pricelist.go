package sdk

import (
	"errors"
	"fmt"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// MaxPrices bounds a price list.
const MaxPrices = 200_000

// maxListFaults bounds how many faults of one list are reported.
const maxListFaults = 20

// PriceListToPB is a list as it crosses the wire. Billing rules and sources that
// prices share are sent once, by value: it does not matter whether the prices
// point to the same Billing.
func PriceListToPB(l *pricing.List) *pb.PriceList {
	out := &pb.PriceList{Revision: l.Revision, Source: l.Source, AsOf: stampOf(l.AsOf), Prices: make([]*pb.Price, len(l.Prices))}
	shared := newSharedOut(out)
	for i, p := range l.Prices {
		w := &pb.Price{
			Sku: p.SKU, Kind: kindToPB(p.Kind), Unit: unitToPB(p.Unit),
			Amount: p.Amount.Amount(), Currency: p.Amount.Currency(), Free: p.Free, Text: p.Text,
			Family: p.Family, Confidence: confidenceToPB(p.Confidence), Includes: inclusionsToPB(p.Billing),
			Billing: shared.billing(p.Billing), Source: shared.source(pricedBy{p.Source, p.AsOf}),
		}
		if p.Billing != nil {
			w.SpotOf = p.Billing.SpotOf
		}
		out.Prices[i] = w
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
		AsOf:     timeOf(w.GetAsOf()),
		Prices:   make([]pricing.Price, 0, len(w.GetPrices())),
	}
	shared, faults := newSharedIn(w)
	if len(faults) == 0 {
		faults = shared.prices(l, w.GetPrices())
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

// prices adds those that are right by themselves to a list, and is the first
// faults of the others.
func (s *sharedIn) prices(l *pricing.List, prices []*pb.Price) (faults []error) {
	for i, w := range prices {
		p, err := s.price(w)
		if err != nil {
			faults = append(faults, fmt.Errorf("price %d, sku %.64q: %w", i+1, w.GetSku(), err))
			if len(faults) == maxListFaults {
				return faults
			}
			continue
		}
		l.Prices = append(l.Prices, p)
	}
	return faults
}

func (s *sharedIn) price(w *pb.Price) (pricing.Price, error) {
	amount, err := pricing.NewMoney(w.GetAmount(), w.GetCurrency())
	if err != nil {
		return pricing.Price{}, err
	}
	billing, err := s.billing(w)
	if err != nil {
		return pricing.Price{}, err
	}
	from, err := s.source(w)
	if err != nil {
		return pricing.Price{}, err
	}
	p := pricing.Price{
		SKU: w.GetSku(), Kind: kindFromPB(w.GetKind()), Unit: unitFromPB(w.GetUnit()),
		Amount: amount, Free: w.GetFree(), Text: CleanText(w.GetText(), MaxTextBytes),
		Family: CleanText(w.GetFamily(), MaxTextBytes), Confidence: confidenceFromPB(w.GetConfidence()),
		Billing: billing, Source: from.source, AsOf: from.asOf,
	}
	return p, p.Check()
}
