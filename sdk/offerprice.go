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
	return sortPriced(l, horizon, offers)
}

// SortVolumeOffers does the same with volumes.
func SortVolumeOffers(l *pricing.List, horizon pricing.Horizon, offers []*pb.VolumeOffer) error {
	return sortPriced(l, horizon, offers)
}

// priced is an offer of either kind.
type priced interface {
	comparable
	GetId() string
	GetQuantities() []*pb.Quantity
}

func sortPriced[O priced](l *pricing.List, horizon pricing.Horizon, offers []O) error {
	quoter := onlyUsed(l, offers).Quoter(horizon)
	totals := make(map[O]pricing.Money, len(offers))
	for _, o := range offers {
		q, err := quoter.Quote(quantitiesFromPB(o.GetQuantities()))
		if err != nil {
			return fmt.Errorf("offer %.64q: %w", o.GetId(), err)
		}
		totals[o] = q.Total
	}
	var mixed error
	slices.SortStableFunc(offers, func(a, b O) int {
		c, err := totals[a].Cmp(totals[b])
		if err != nil {
			mixed = err
		}
		return cmp.Or(c, cmp.Compare(a.GetId(), b.GetId()))
	})
	return mixed
}

// onlyUsed is a list without the prices that no offer uses: to make all prices of
// a large one ready would take longer than to quote a few offers.
func onlyUsed[O priced](l *pricing.List, offers []O) *pricing.List {
	used := make(map[string]bool)
	for _, o := range offers {
		for _, q := range o.GetQuantities() {
			used[q.GetSku()] = true
		}
	}
	only := &pricing.List{Revision: l.Revision, Source: l.Source, AsOf: l.AsOf}
	for i := range l.Prices {
		if used[l.Prices[i].SKU] {
			only.Prices = append(only.Prices, l.Prices[i])
		}
	}
	return only
}
