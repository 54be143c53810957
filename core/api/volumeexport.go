package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// ExportVolume implements [Broker].
func (m *Meson) ExportVolume(ctx context.Context, req ExportVolumeRequest) (VolumeInfo, error) {
	v, err := m.volume(ctx, req.Volume)
	if err != nil {
		return VolumeInfo{}, err
	}
	ask := core.VolumeExport{VolumeID: v.ID, Format: req.Format, MaxBytes: mostExported(v.SizeBytes, req.Format)}
	if req.Snapshot != "" {
		_, s, err := m.snapshot(ctx, v.Provider+"/"+v.ID, req.Snapshot)
		if err != nil {
			return VolumeInfo{}, err
		}
		ask.Snapshot = s.ID
	}
	if err := v.at.ExportVolume(ctx, ask, req.Begin, req.To); err != nil {
		return VolumeInfo{}, err
	}
	return m.info(ctx, v.Volume)
}

// mostExported bounds the bytes of a volume: a qcow2 has tables too.
func mostExported(size int64, format string) int64 {
	if format == "qcow2" {
		return size + size/8 + 64<<20
	}
	return size
}

// inUse is the refusal of what must not be done while somebody has the volume.
func inUse(op string, v found) error {
	var who []string
	for _, u := range v.Uses {
		text := "attachment " + u.Attachment
		if u.Allocation != "" {
			text += " of " + u.Allocation
		}
		if u.Holder != "" {
			text += ", " + u.Holder
		}
		who = append(who, text)
	}
	return &core.Error{
		Kind: core.Busy, Op: op, Subject: v.Provider + "/" + v.ID, Text: "it is in use by " + strings.Join(who, "; "),
		Hint: fmt.Sprintf("meson volume show %s; meson volume detach %s", v.ID, v.ID),
	}
}
