// Command meson is meson that a test can kill at a chosen step.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/mesoncloud/meson/cli"
	"github.com/mesoncloud/meson/cli/broker"
	"github.com/mesoncloud/meson/cli/mapping"
	"github.com/mesoncloud/meson/e2e/killer"
)

func main() {
	env := cli.System()
	env.Version = "test"
	step := killer.New(os.Getenv("HOME"), "broker").Step
	wiring := broker.Wiring{Getenv: env.Getenv, Step: step}
	env.Open, env.Restore = wiring.Open, wiring.Restore
	env.Mapper = func() (cli.Mapper, error) {
		return mapping.Open(mapping.Options{Dir: filepath.Join(os.Getenv("MESON_STATE_DIR"), "maps")})
	}
	os.Exit(cli.Main(context.Background(), os.Args[1:], env))
}
