package core

import (
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// Offer is a provider's answer to a pledge: a shape in a place, as quantities
// of the provider's own SKUs. It is never an amount of money.
type Offer struct {
	// ID is the provider's name for it: equal to that of another day when the
	// very same machine in the same place is meant.
	ID        string `json:"offer_id"`
	Provider  string `json:"provider"`
	Plugin    string `json:"plugin"`
	Region    string `json:"region"`
	Zone      string `json:"zone"`
	Shape     string `json:"shape"`
	VCPUs     int    `json:"vcpus"`
	MemoryMiB int64  `json:"memory_mib"`
	Arch      string `json:"arch"`
	// Unknown lists the pledge's fields about which the provider says nothing.
	Unknown      []string           `json:"unknown"`
	Quantities   []pricing.Quantity `json:"quantities"`
	ListRevision string             `json:"price_list_revision"`
	ExpiresAt    time.Time          `json:"expires_at"`
	// Facts are shown to people, such as accelerator=tcg.
	Facts map[string]string `json:"facts,omitempty"`
	// QuoteOnly is why the offer can be priced but not bought now, such as "no
	// credentials for gcp", for people; empty: it can be bought.
	QuoteOnly string `json:"quote_only,omitempty"`
	// Consumer is how a machine of it could reach volumes, zero for not at all.
	Consumer Consumer `json:"consumer,omitzero"`
	// Token is the plugin's own and goes back to it in Create.
	Token []byte `json:"token,omitempty"`
}

// Reason says why something cannot be offered, for people and for programs.
type Reason struct {
	Provider string `json:"provider"`
	// Candidate is which host, zone or machine type said no; empty for all.
	Candidate string `json:"candidate,omitempty"`
	Field     string `json:"field"`
	Want      string `json:"want"`
	Have      string `json:"have"`
	Text      string `json:"text"`
	// Relax is the smallest change that would have helped, such as
	// "ramsize=2048".
	Relax string    `json:"relax,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// Answer is all that one provider said to a pledge. Err is set where it could
// not answer, or not wholly; what it said before stands.
type Answer struct {
	Provider string        `json:"provider"`
	Plugin   string        `json:"plugin"`
	Offers   []Offer       `json:"offers"`
	Reasons  []Reason      `json:"reasons"`
	Prices   *pricing.List `json:"-"`
	Err      *Error        `json:"error,omitempty"`
	Took     time.Duration `json:"took_ns"`
}

// Quote is an offer priced. ID is Meson's own, short enough to type, and names
// the quote in the ledger for 30 days.
type Quote struct {
	ID string `json:"id"`
	Offer
	// Price is of the whole: the machine and the volumes that are made for it.
	Price pricing.Quote `json:"price"`
	// Volumes are the pledge's, in its order.
	Volumes []VolumeChoice `json:"volumes,omitempty"`
	// Machine is the native price of the machine alone; nil where that is Price.
	Machine *pricing.Quote `json:"machine_price,omitempty"`
}

// Placement is what was chosen: the best quote first, then those to fall back
// on, in order, and the rule that ordered them.
type Placement struct {
	Quotes []Quote `json:"quotes"`
	// Why names the order and what decided, for people.
	Why string `json:"why"`
}
