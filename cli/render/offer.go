package render

import (
	"time"

	"github.com/mesoncloud/meson/core"
)

// Offer is a priced offer as programs read it. Amounts are exact decimal
// strings, times are RFC 3339 in UTC, and no list is ever null.
type Offer struct {
	ID        string   `json:"id"`
	Provider  string   `json:"provider"`
	Plugin    string   `json:"plugin"`
	Region    string   `json:"region"`
	Zone      string   `json:"zone"`
	Shape     string   `json:"shape"`
	VCPUs     int      `json:"vcpus"`
	MemoryMiB int64    `json:"memory_mib"`
	Arch      string   `json:"arch"`
	Unknown   []string `json:"unknown"`
	// Allocatable is false where it can be priced and not bought, for the reason
	// in QuoteOnly.
	Allocatable bool   `json:"allocatable"`
	QuoteOnly   string `json:"quote_only,omitempty"`
	// Spot is what the provider may take back.
	Spot      bool      `json:"spot"`
	ExpiresAt time.Time `json:"expires_at"`
	// Price is of the whole: the machine and the volumes that are made for it.
	Price OfferPrice        `json:"price"`
	Facts map[string]string `json:"facts,omitempty"`
	// Volumes are the spec's, in its order.
	Volumes []VolumeChoice `json:"volumes,omitempty"`
}

// NewOffer is the document of a quote.
func NewOffer(q core.Quote) Offer {
	return Offer{
		ID: q.ID, Provider: q.Provider, Plugin: q.Plugin, Region: q.Region, Zone: q.Zone, Shape: q.Shape,
		VCPUs: q.VCPUs, MemoryMiB: q.MemoryMiB, Arch: q.Arch, Unknown: list(q.Unknown), Allocatable: q.QuoteOnly == "",
		QuoteOnly: q.QuoteOnly, Spot: q.Price.Spot(), ExpiresAt: q.ExpiresAt.UTC(), Price: newPrice(q.Price), Facts: q.Facts,
		Volumes: newVolumeChoices(q.Volumes),
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

// Explanation is a quote that was shown before, as programs read it.
type Explanation struct {
	Offer
	ShownAt time.Time `json:"shown_at"`
	// Expired means that it no longer binds.
	Expired bool `json:"expired"`
	// Recomputed means that the same amounts came out again, to the last digit;
	// NotRecomputed is why not.
	Recomputed    bool   `json:"recomputed"`
	NotRecomputed string `json:"not_recomputed,omitempty"`
}

func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
