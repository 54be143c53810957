package iscsi

import (
	"bytes"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What is built in the vault to be sent does not take the room that its volumes need;
// raw bytes are sent as they are read, and take none.
func TestExportLeavesTheReserve(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	_, v := filled(t, p, "raw")
	p.config.ReserveGiB = 1 << 30
	for format, want := range map[string]sdk.Kind{"raw": "", "qcow2": sdk.Exhausted} {
		var got bytes.Buffer
		err := p.ExportVolume(t.Context(), &pb.ExportVolumeRequest{Id: v.GetId(), Format: format}, func(uint64) error { return nil }, &got)
		if sdk.KindOf(err) != want || (err == nil) != (got.Len() > 0) {
			t.Errorf("%s: %d bytes, %v, want %q", format, got.Len(), err, want)
		}
	}
	tidied(t, s, p, v)
	s.empty(p)
}
