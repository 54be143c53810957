package render

import (
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// Offer is a priced offer as programs read it. Amounts are exact decimal
// strings, times are RFC 3339 in UTC, and no list is ever null.
type Offer struct {
	ID          string            `json:"id"`
	Provider    string            `json:"provider"`
	Plugin      string            `json:"plugin"`
	Region      string            `json:"region"`
	Zone        string            `json:"zone"`
	Shape       string            `json:"shape"`
	VCPUs       int               `json:"vcpus"`
	MemoryMiB   int64             `json:"memory_mib"`
	Arch        string            `json:"arch"`
	Unknown     []string          `json:"unknown"`
	Allocatable bool              `json:"allocatable"`
	ExpiresAt   time.Time         `json:"expires_at"`
	Price       OfferPrice        `json:"price"`
	Facts       map[string]string `json:"facts,omitempty"`
}

// OfferPrice is the price of the whole offer over ForHours.
type OfferPrice struct {
	Currency   string      `json:"currency"`
	Hour       string      `json:"hour"`
	Total      string      `json:"total"`
	ForHours   int         `json:"for_hours"`
	Components []Component `json:"components"`
}

// Component is one line of a price. Total is written only where something is
// paid once and so is in no hour.
type Component struct {
	Kind     string    `json:"kind"`
	SKU      string    `json:"sku"`
	Quantity string    `json:"quantity"`
	Hour     string    `json:"hour"`
	Total    string    `json:"total,omitempty"`
	Included bool      `json:"included,omitempty"`
	Native   Native    `json:"native"`
	Source   string    `json:"source"`
	AsOf     time.Time `json:"as_of"`
}

// Native is a component's price in the provider's own currency.
type Native struct {
	Currency string `json:"currency"`
	Hour     string `json:"hour"`
}

// NewOffer is the document of a quote.
func NewOffer(q core.Quote) Offer {
	return Offer{
		ID: q.ID, Provider: q.Provider, Plugin: q.Plugin, Region: q.Region, Zone: q.Zone, Shape: q.Shape,
		VCPUs: q.VCPUs, MemoryMiB: q.MemoryMiB, Arch: q.Arch, Unknown: list(q.Unknown),
		Allocatable: true, ExpiresAt: q.ExpiresAt.UTC(), Price: newPrice(q.Price), Facts: q.Facts,
	}
}

// NewOffers is the array of `meson offers`, in the order given.
func NewOffers(quotes []core.Quote) []any {
	rows := make([]any, 0, len(quotes))
	for _, q := range quotes {
		rows = append(rows, NewOffer(q))
	}
	return rows
}

func newPrice(p pricing.Quote) OfferPrice {
	out := OfferPrice{
		Currency: p.Currency, Hour: p.Hour.Amount(), Total: p.Total.Amount(),
		ForHours: p.ForHours, Components: make([]Component, 0, len(p.Lines)),
	}
	for _, l := range p.Lines {
		c := Component{
			Kind: string(l.Kind), SKU: l.SKU, Quantity: quantity(l.Quantity), Hour: l.Hour.Amount(),
			Included: l.Quantity.Included, Source: l.Source, AsOf: l.AsOf.UTC(),
			Native: Native{Currency: l.UnitPrice.Currency(), Hour: l.Hour.Amount()},
		}
		if l.Unit == pricing.UnitGiB {
			c.Total = l.Total.Amount()
		}
		out.Components = append(out.Components, c)
	}
	return out
}

func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
