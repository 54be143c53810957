// Command meson-plugin-upcloud serves UpCloud to Meson.
package main

import (
	"os"

	"github.com/mesoncloud/meson/plugins/upcloud"
	"github.com/mesoncloud/meson/sdk"
)

func main() { os.Exit(sdk.Main(upcloud.Definition(upcloud.Hooks{}))) }
