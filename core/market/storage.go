package market

import (
	"context"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// Storage is what the market needs of a storage provider. Methods are called
// concurrently.
type Storage interface {
	Name() string
	Plugin() string
	// OfferVolume hands over offers and reasons as they come. What was handed over
	// before an error stands.
	OfferVolume(ctx context.Context, spec core.VolumeSpec, query core.VolumeQuery, emit func([]core.VolumeOffer, []core.Reason) error) error
	// GetVolume finds a volume; NotFound promises that it is not there.
	GetVolume(ctx context.Context, ref core.VolumeRef) (core.Volume, error)
	PriceList(ctx context.Context) (*pricing.List, error)
}
