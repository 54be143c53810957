package core

import (
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// VolumeQuote is a volume's offer priced, natively. ID is Meson's own.
type VolumeQuote struct {
	ID    string        `json:"id"`
	Offer VolumeOffer   `json:"offer"`
	Price pricing.Quote `json:"price"`
}

// VolumeChoice is how a placement has one volume of its pledge: one that exists,
// or one to be made of a quote, and the way in which the machine reaches it.
type VolumeChoice struct {
	// Index is the volume's in the pledge.
	Index int `json:"index"`
	// Name is the pledge's, or of a volume that exists the provider's; a guest
	// mounts a shared one at /mnt/NAME.
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// VolumeID is that of a volume that exists; empty: it is made of Quote.
	VolumeID string       `json:"vid,omitempty"`
	Quote    *VolumeQuote `json:"quote,omitempty"`
	ReadOnly bool         `json:"readonly,omitempty"`
	// Boot means that the machine boots from it.
	Boot bool `json:"boot,omitempty"`
	// Way is the fastest that the machine has to it.
	Way Exposure `json:"way"`
	// FX is how the price of Quote came into the machine's currency, where that is
	// another one.
	FX *pricing.Conversion `json:"fx,omitempty"`
}

// VolumeRecordState is how far a volume has come in the ledger.
type VolumeRecordState string

// The states of a volume's record. Only VolumeRefused and VolumeRemoved promise
// that the provider holds nothing that this broker made under its key.
const (
	VolumeIntended VolumeRecordState = "intended" // recorded; CreateVolume may have been sent
	VolumeMade     VolumeRecordState = "made"     // it was seen to be available
	VolumeUndoing  VolumeRecordState = "undoing"  // to be removed
	VolumeRefused  VolumeRecordState = "refused"  // definitely not made, or undone
	VolumeRemoved  VolumeRecordState = "removed"  // removed after it was made
)

// Final reports whether nothing is held and nothing will change any more.
func (s VolumeRecordState) Final() bool { return s == VolumeRefused || s == VolumeRemoved }

// VolumeRecord is the durable record of a volume that a broker makes or removes.
type VolumeRecord struct {
	// ID is short, unique in its ledger, [a-z0-9]{10}.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Provider is the storage provider's name.
	Provider string `json:"provider"`
	// VolumeID is the provider's own, empty before the volume was seen.
	VolumeID string `json:"vid,omitempty"`
	// Owner stands on the volume; its key is never used again. It is zero but for
	// the key where the volume is not this broker's.
	Owner  Owner        `json:"owner"`
	Spec   VolumeSpec   `json:"spec"`
	Origin VolumeOrigin `json:"origin,omitzero"`
	// Quote is what it is bought at; zero where the volume is not this broker's.
	Quote VolumeQuote       `json:"quote,omitzero"`
	State VolumeRecordState `json:"state"`
	// Allocation is the machine that it was made for and Index its place in the
	// pledge; empty for one that was made by itself.
	Allocation string `json:"allocation,omitempty"`
	Index      int    `json:"index,omitempty"`
	// Volatile means that it goes with the machine.
	Volatile bool `json:"volatile,omitempty"`
	// Keep means that it stays until it is removed by itself: it was made by itself,
	// or the machine that it was made for has run and it is not Volatile. One
	// without it is removed with its machine.
	Keep bool `json:"keep,omitempty"`
	// Foreign is a volume that this broker did not make: there is a record since it
	// is to be removed.
	Foreign   bool      `json:"foreign,omitempty"`
	Error     *Error    `json:"error,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Ref names the volume at its provider: by its key, or if it is foreign by its id.
func (v VolumeRecord) Ref() VolumeRef {
	if v.Foreign {
		return VolumeRef{ID: v.VolumeID}
	}
	return VolumeRef{Owner: v.Owner}
}
