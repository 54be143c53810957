package sdk

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

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

// QuoteOf is what quantities cost by a list, under its billing rules.
func QuoteOf(l *pricing.List, quantities []*pb.Quantity, horizon pricing.Horizon) (pricing.Quote, error) {
	return l.Quote(quantitiesFromPB(quantities), horizon)
}

func quantitiesFromPB(quantities []*pb.Quantity) []pricing.Quantity {
	read := make([]pricing.Quantity, len(quantities))
	for i, q := range quantities {
		read[i] = QuantityFromPB(q)
	}
	return read
}

// SortOffers puts offers into the order that the contract asks for: by exact
// total over the horizon, billing rules applied, those of equal total by id. An
// offer without a price is an error, and the order is then undefined.
func SortOffers(l *pricing.List, horizon pricing.Horizon, offers []*pb.Offer) error {
	quote := l.Quote
	if len(offers) >= worthQuoter {
		quoter := l.Quoter(horizon)
		quote = func(q []pricing.Quantity, _ pricing.Horizon) (pricing.Quote, error) { return quoter.Quote(q) }
	}
	totals := make(map[*pb.Offer]pricing.Money, len(offers))
	for _, o := range offers {
		q, err := quote(quantitiesFromPB(o.GetQuantities()), horizon)
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

// worthQuoter is how many offers make up for preparing all prices of a list.
const worthQuoter = 8
