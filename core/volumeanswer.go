package core

import (
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// VolumeAsk is what storage providers are asked of one volume: whether they have
// it, or offers of one to be made.
type VolumeAsk struct {
	// Index is the volume's in its pledge.
	Index int
	// VolumeID, if set, is that of a volume that exists.
	VolumeID string
	Spec     VolumeSpec
	// OfferID asks for that offer alone.
	OfferID string
}

// VolumeAnswer is all that one storage provider said to several asks. Err is set
// where it could not answer, or not wholly; what it said before stands.
type VolumeAnswer struct {
	Provider string
	Plugin   string
	// Offers and Found are by the Index of what was asked.
	Offers  map[int][]VolumeOffer
	Found   map[int]Volume
	Reasons []Reason
	Prices  *pricing.List
	Err     *Error
	Took    time.Duration
	// NoStorage means that the provider has no volumes at all.
	NoStorage bool
}

// VolumeCandidate is a volume that exists, or one quoted, that could be the
// Index-th of a pledge.
type VolumeCandidate struct {
	Index    int
	Provider string
	Plugin   string
	// One of them is set.
	Found *Volume
	Quote *VolumeQuote
}

// Spec is what the volume must be.
func (v VolumeRequest) Spec() VolumeSpec {
	return VolumeSpec{
		SizeBytes: v.SizeMiB << 20, Bootable: v.Bootable, Shareable: v.Shareable, ReadOnly: v.ReadOnly, Private: v.Private, Format: v.Format,
	}
}

// VolumeAsks are what storage providers are asked for a pledge's volumes.
func (p Pledge) VolumeAsks() []VolumeAsk {
	asks := make([]VolumeAsk, len(p.Volumes))
	for i, v := range p.Volumes {
		asks[i] = VolumeAsk{Index: i, VolumeID: v.VID, Spec: v.Spec()}
	}
	return asks
}
