package alloc

import (
	"context"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
)

// Storage is what the engine needs of a storage provider. Errors are
// *core.Error; see services Storage and Exporter in the plugin contract for what
// each call promises.
type Storage interface {
	market.Storage
	Describe(ctx context.Context) (core.Description, error)
	CreateVolume(ctx context.Context, req core.CreateVolumeRequest) (core.Volume, error)
	// WatchVolume reports the volume now and after every change.
	WatchVolume(ctx context.Context, ref core.VolumeRef, each func(core.Volume) error) error
	DeleteVolume(ctx context.Context, ref core.VolumeRef) error
	// Export gives the same for the same attachment.
	Export(ctx context.Context, req core.ExportRequest) (core.Export, error)
	Unexport(ctx context.Context, volumeID, attachment string, force bool) error
	// ResizeVolume lets a volume grow; see core.VolumeResize.
	ResizeVolume(ctx context.Context, req core.VolumeResize) (core.Volume, error)
	// Restart ends the plugin's process; the next call starts another.
	Restart(ctx context.Context) error
}

// VolumeOrder is what CreateVolume turns into a volume.
type VolumeOrder struct {
	// ID is one of ledger.NewID, made here if it is empty.
	ID   string
	Name string
	Spec core.VolumeSpec
	// Origin is what it holds at first.
	Origin core.VolumeOrigin
	// Quote is what it is bought at. Before it is made its offer is asked again.
	Quote core.VolumeQuote
}

// VolumeTarget is a volume that something is done to. Record is set where the
// ledger made it.
type VolumeTarget struct {
	Record   string
	Provider string
	VolumeID string
	// Name is the provider's, for people and for mounts.
	Name string
}

// AttachOrder puts a volume on a machine that exists.
type AttachOrder struct {
	VolumeTarget
	// Allocation is the machine's id.
	Allocation string
	ReadOnly   bool
}

// GrowOrder lets a volume grow.
type GrowOrder struct {
	VolumeTarget
	SizeBytes int64
}

// MapOrder exports a volume to somebody who is no machine of ours.
type MapOrder struct {
	VolumeTarget
	// ID is one of ledger.NewID; empty: made here. That of an earlier one gives the
	// same way again.
	ID       string
	ReadOnly bool
	// From is who connects, Holder who that is, for people.
	From   core.Consumer
	Holder string
}
