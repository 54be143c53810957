package vault

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// Space is what a vault has and what of it is taken.
type Space struct {
	Settings Settings
	// TotalBytes and FreeBytes are the filesystem's of the root.
	TotalBytes uint64
	FreeBytes  uint64
	// Volumes and ProvisionedBytes count what the limits count: volumes, those that
	// are being built, and what volumes grow to.
	Volumes          uint64
	ProvisionedBytes uint64
	// UsedBytes is what the images take on disk.
	UsedBytes uint64
}

// Space counts; see List for how current it is.
func (v *Vault) Space(ctx context.Context) (Space, error) {
	const op = "measure vault"
	settings, err := v.Settings(ctx)
	if err != nil {
		return Space{}, err
	}
	if _, err := v.List(ctx); err != nil {
		return Space{}, err
	}
	making, err := v.Building(ctx)
	if err != nil {
		return Space{}, err
	}
	s := v.count(making)
	s.Settings = settings
	var st unix.Statfs_t
	if err := unix.Fstatfs(v.root.fd(), &st); err != nil {
		return s, failed(op, v.root.path, err)
	}
	s.TotalBytes, s.FreeBytes = st.Blocks*uint64(st.Bsize), st.Bavail*uint64(st.Bsize)
	return s, nil
}

// count adds up the index and what is being made.
func (v *Vault) count(making []Underway) Space {
	var s Space
	for _, vol := range v.index.all() {
		s.Volumes++
		s.ProvisionedBytes += max(vol.Meta.SizeBytes, vol.State.ResizeBytes)
		s.UsedBytes += vol.UsedBytes
	}
	for _, u := range making {
		s.Volumes++
		s.ProvisionedBytes += u.Meta.SizeBytes
	}
	return s
}

// fits refuses what the settings do not allow, as Exhausted. The caller has the
// vault's lock, and has scanned.
func (v *Vault) fits(ctx context.Context, op, subject string, volumes, bytes uint64) error {
	settings, err := v.Settings(ctx)
	if err != nil {
		return err
	}
	making, err := v.Building(ctx)
	if err != nil {
		return err
	}
	s := v.count(making)
	text := ""
	switch {
	case settings.MaxVolumes != nil && volumes > 0 && s.Volumes+volumes > *settings.MaxVolumes:
		text = fmt.Sprintf("settings.json allows %d volumes, and there are %d", *settings.MaxVolumes, s.Volumes)
	case settings.MaxBytes != nil && bytes > 0 && s.ProvisionedBytes+bytes > *settings.MaxBytes:
		text = fmt.Sprintf("settings.json allows %s GB, of which %s are taken: %s more do not fit",
			gb(*settings.MaxBytes), gb(s.ProvisionedBytes), gb(bytes))
	default:
		return nil
	}
	return &sdk.Error{Kind: sdk.Exhausted, Scope: sdk.ScopeQuota, Op: op, Subject: subject, Source: sdk.SourceProvider, Text: text}
}
