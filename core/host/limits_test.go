package host

import (
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
)

// What a spec may hold is what a plugin takes: neither side can import the
// other's constant.
func TestUserDataLimitIsOne(t *testing.T) {
	if core.MaxUserDataBytes != sdk.MaxUserDataBytes {
		t.Errorf("a spec may hold %d bytes of user data, and plugins take %d", core.MaxUserDataBytes, sdk.MaxUserDataBytes)
	}
}
