// Command meson-plugin-kvm is the kvm plugin that a test can kill at a chosen
// step.
package main

import (
	"os"

	"github.com/mesoncloud/meson/e2e/killer"
	"github.com/mesoncloud/meson/plugins/kvm"
	"github.com/mesoncloud/meson/sdk"
)

func main() {
	os.Exit(sdk.Main(kvm.Definition(kvm.Hooks{Step: killer.New(os.Getenv("HOME"), "plugin").Step})))
}
