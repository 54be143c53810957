package api_test

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core/api"
)

// Whoever removes a volume is told of the name that it has by then.
func TestRenamedVolumeIsRemovedByItsName(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	made := w.volume("data")
	if v, err := w.RenameVolume(t.Context(), of("data"), "logs"); err != nil || v.Name != "logs" || v.ID != made.ID {
		t.Fatalf("%+v, %v", v, err)
	}
	var said []string
	req := of("logs")
	req.Progress = func(p api.Progress) { said = append(said, p.Text) }
	if _, err := w.RemoveVolume(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(said, "\n"); !strings.Contains(text, "volume logs") || strings.Contains(text, "volume data") {
		t.Errorf("it said\n%s", text)
	}
}
