package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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

// inUse is the refusal of what must not be done while somebody has the volume: who
// that is, and since when.
func (m *Meson) inUse(ctx context.Context, op string, v found) *core.Error {
	names, uses, end := map[string]string{}, v.Uses, "detach"
	if info, err := m.info(ctx, v.Volume); err == nil {
		names, uses = info.Machines, info.Uses
	}
	if mapped, err := m.Mappings(ctx); err == nil && slices.ContainsFunc(mapped, func(t core.AttachmentRecord) bool { return t.ID == uses[0].Attachment }) {
		end = "unmap"
	}
	e := &core.Error{Kind: core.Busy, Op: op, Subject: v.Provider + "/" + v.ID, Hint: "meson volume show " + v.ID + "; meson volume " + end + " " + v.ID}
	var who []string
	for _, u := range uses {
		does := "reads it"
		if u.Writable {
			does = "writes to it"
		}
		if !u.Since.IsZero() {
			does += " since " + u.Since.UTC().Format("2006-01-02 15:04:05Z")
		}
		who = append(who, fmt.Sprintf("%s %s (attachment %s)", cmp.Or(names[u.Allocation], u.Holder, u.Allocation, "somebody"), does, u.Attachment))
	}
	e.Text = "it is in use: " + strings.Join(who, "; ")
	return e
}
