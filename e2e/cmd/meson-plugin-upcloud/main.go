// Command meson-plugin-upcloud is the upcloud plugin that a test can kill at a
// chosen step, and that is as fast as the emulator's time.
package main

import (
	"os"

	"github.com/mesoncloud/meson/e2e/killer"
	"github.com/mesoncloud/meson/plugins/upcloud"
	"github.com/mesoncloud/meson/sdk"
)

func main() {
	os.Exit(sdk.Main(upcloud.Definition(upcloud.Hooks{Step: killer.New(os.Getenv("HOME"), "plugin").Step, Haste: 40})))
}
