// Command meson-plugin-kvm serves libvirt hosts to Meson.
package main

import (
	"os"
	"runtime/debug"

	"github.com/mesoncloud/meson/plugins/kvm"
	"github.com/mesoncloud/meson/sdk"
)

// gcPercent trades memory for time: most processes live for one command, whose
// reading of hosts' XML would be collected several times over.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	os.Exit(sdk.Main(kvm.Definition(kvm.Hooks{})))
}
