package sdktest

import (
	"errors"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What is no format does not reach a plugin.
func TestConvertChecksFormats(t *testing.T) {
	t.Parallel()
	c := Serve(t, sdk.NewServer(Mem(), quietLog()))
	for _, format := range []string{"", "vmdk", "RAW"} {
		_, err := c.Provider("p1").ConvertVolume(t.Context(), &pb.ConvertVolumeRequest{Id: "vol-1", Format: format})
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Kind != sdk.Invalid || len(e.Faults) != 1 || e.Faults[0].Path != "format" || e.Faults[0].Want != "raw or qcow2" {
			t.Errorf("%q: %v, want Invalid, and what would be right", format, err)
		}
	}
}
