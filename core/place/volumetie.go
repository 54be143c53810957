package place

import (
	"cmp"
	"slices"

	"github.com/mesoncloud/meson/core"
)

// better orders two ways to have one volume: what can be bought, lower total,
// faster way, provider, offer. Of the formats that one place offers at one price,
// preferred has chosen before.
func (p *pairing) better(a, b core.VolumeChoice) int {
	return cmp.Or(
		p.cheaper(a, b), cmp.Compare(a.Way.Rank, b.Way.Rank), cmp.Compare(a.Provider, b.Provider),
		cmp.Compare(a.Quote.Offer.ID, b.Quote.Offer.ID), cmp.Compare(a.Quote.ID, b.Quote.ID),
	)
}

// cheaper orders by what can be bought, and by the total.
func (p *pairing) cheaper(a, b core.VolumeChoice) int {
	x, y := a.Quote, b.Quote
	price, err := p.rates.Compare(x.Price.Native(), y.Price.Native())
	if err != nil { // one of them has no rate
		price = cmp.Compare(x.Price.Currency, y.Price.Currency)
	}
	dry := func(q *core.VolumeQuote) int { return min(len(q.Offer.QuoteOnly), 1) }
	return cmp.Or(cmp.Compare(dry(x), dry(y)), price)
}

// offered is a place of a provider, and what a volume costs there.
type offered struct {
	provider, region, zone, tier string
	dry                          bool
	price                        string
}

func offeredAt(c core.VolumeChoice) offered {
	o := &c.Quote.Offer
	return offered{c.Provider, o.Region, o.Zone, o.Tier, o.QuoteOnly != "", c.Quote.Price.Native().String()}
}

// preferred leaves out what a place offers in another format than that of its first
// offer of the same price. What a volume is, such as whether clones of it are at once,
// is the provider's choice where the user made none, and not that of the machine which
// happens to be placed with it; speed decides between places, and between offers of one
// format. Each place is looked at by itself, before any are compared: so the best is
// the same in whatever order they answered.
func preferred(all []core.VolumeChoice) []core.VolumeChoice {
	first := map[offered]*core.VolumeOffer{}
	for i := range all {
		at, o := offeredAt(all[i]), &all[i].Quote.Offer
		if have := first[at]; have == nil || o.ID < have.ID {
			first[at] = o
		}
	}
	return slices.DeleteFunc(all, func(c core.VolumeChoice) bool { return c.Quote.Offer.Format != first[offeredAt(c)].Format })
}
