package api

import (
	"context"

	"github.com/mesoncloud/meson/core"
)

var errSoon = core.Errorf(core.Unsupported, "not there yet")

// CreateVolume implements [Broker].
func (m *Meson) CreateVolume(ctx context.Context, req CreateVolumeRequest) (VolumeInfo, error) {
	return VolumeInfo{}, errSoon
}

// CloneVolume implements [Broker].
func (m *Meson) CloneVolume(ctx context.Context, req CloneVolumeRequest) (VolumeInfo, error) {
	return VolumeInfo{}, errSoon
}

// ImportVolume implements [Broker].
func (m *Meson) ImportVolume(ctx context.Context, req ImportVolumeRequest) (VolumeInfo, error) {
	return VolumeInfo{}, errSoon
}

// RemoveVolume implements [Broker].
func (m *Meson) RemoveVolume(ctx context.Context, req VolumeRequest) (VolumeInfo, error) {
	return VolumeInfo{}, errSoon
}

// AttachVolume implements [Broker].
func (m *Meson) AttachVolume(ctx context.Context, req AttachVolumeRequest) (VolumeInfo, error) {
	return VolumeInfo{}, errSoon
}

// DetachVolume implements [Broker].
func (m *Meson) DetachVolume(ctx context.Context, req DetachVolumeRequest) (VolumeInfo, error) {
	return VolumeInfo{}, errSoon
}

// MapVolume implements [Broker].
func (m *Meson) MapVolume(ctx context.Context, req MapVolumeRequest) (VolumeMapping, error) {
	return VolumeMapping{}, errSoon
}

// UnmapVolume implements [Broker].
func (m *Meson) UnmapVolume(ctx context.Context, volume, attachment string, force bool) error {
	return errSoon
}
