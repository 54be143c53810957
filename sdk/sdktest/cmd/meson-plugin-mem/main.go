// Command meson-plugin-mem is a complete plugin whose machines exist in memory
// or in a directory alone. It is for tests.
package main

import (
	"os"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

func main() { os.Exit(sdk.Main(sdktest.Mem())) }
