// Command meson-plugin-iscsi serves vaults of volumes to Meson.
package main

import (
	"os"

	"github.com/mesoncloud/meson/plugins/iscsi"
)

func main() { os.Exit(iscsi.Main()) }
