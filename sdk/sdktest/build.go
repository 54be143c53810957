package sdktest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// BuildPlugin builds cmd/meson-plugin-NAME (mem or faulty) for one test and
// gives the path of the binary.
func BuildPlugin(tb testing.TB, name string) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "meson-plugin-"+name)
	build := exec.CommandContext(tb.Context(), "go", "build", "-o", binary, "github.com/mesoncloud/meson/sdk/sdktest/cmd/meson-plugin-"+name)
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build meson-plugin-%s: %v\n%s", name, err, out)
	}
	return binary
}
