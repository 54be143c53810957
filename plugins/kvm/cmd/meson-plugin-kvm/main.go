// Command meson-plugin-kvm serves libvirt hosts to Meson.
package main

import (
	"os"

	"github.com/mesoncloud/meson/plugins/kvm"
	"github.com/mesoncloud/meson/sdk"
)

func main() { os.Exit(sdk.Main(kvm.Definition(kvm.Hooks{}))) }
