// Command meson-plugin-bench is the in-memory plugin under the name of its file,
// so that one binary can stand for several plugins.
package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

func main() {
	definition := sdktest.Mem()
	definition.Name = strings.TrimPrefix(filepath.Base(os.Args[0]), sdk.BinaryPrefix)
	os.Exit(sdk.Main(definition))
}
