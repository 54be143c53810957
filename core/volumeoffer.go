package core

import (
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// VolumeQuery says how a volume is asked of a storage provider.
type VolumeQuery struct {
	Horizon pricing.Horizon
	// Limit is the most offers wanted, 0 for all.
	Limit int
	// Kinds are the ways in which the machine can reach it, any of; empty: any.
	Kinds []ConnectionKind
	// OfferID asks for that one alone.
	OfferID string
}

// VolumeOffer is a storage provider's answer to a VolumeSpec, as quantities of
// its own SKUs.
type VolumeOffer struct {
	ID        string `json:"offer_id"`
	Provider  string `json:"provider"`
	Plugin    string `json:"plugin"`
	Region    string `json:"region"`
	Zone      string `json:"zone"`
	Tier      string `json:"tier"`
	SizeBytes int64  `json:"size_bytes"`
	// Format is that of the volume, empty where it has none or nobody says.
	Format       string             `json:"format,omitempty"`
	Exposures    []Exposure         `json:"exposures"`
	Unknown      []string           `json:"unknown"`
	Quantities   []pricing.Quantity `json:"quantities"`
	ListRevision string             `json:"price_list_revision"`
	ExpiresAt    time.Time          `json:"expires_at"`
	Facts        map[string]string  `json:"facts,omitempty"`
	// QuoteOnly is why it can be priced but not bought now; empty: it can.
	QuoteOnly string `json:"quote_only,omitempty"`
	// Token is the plugin's own and goes back to it in CreateVolume.
	Token []byte `json:"token,omitempty"`
}

// VolumeOrigin is what a new volume holds at first; at most one field is set,
// none means nothing.
type VolumeOrigin struct {
	// ImageURL is a URL, or a file on the storage server; ImageSHA256 is checked.
	ImageURL    string `json:"image_url,omitempty"`
	ImageSHA256 string `json:"image_sha256,omitempty"`
	Snapshot    string `json:"snapshot,omitempty"`
	Volume      string `json:"volume,omitempty"`
}

// CreateVolumeRequest is all that a provider needs to make a volume; every
// repetition sends the same.
type CreateVolumeRequest struct {
	Owner  Owner        `json:"owner"`
	Name   string       `json:"name"`
	Spec   VolumeSpec   `json:"spec"`
	Offer  VolumeOffer  `json:"offer"`
	Origin VolumeOrigin `json:"origin,omitzero"`
}
