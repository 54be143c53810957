// Command meson deploys one specfile on the cheapest of many providers. It only
// wires: package cli is the command line, core/api the broker.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/mesoncloud/meson/cli"
	"github.com/mesoncloud/meson/cli/broker"
	"github.com/mesoncloud/meson/cli/mapping"
	"github.com/mesoncloud/meson/core/host"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	env := cli.System()
	env.Version, env.Protocol = version, host.ProtocolVersion
	env.Interrupts = interrupts
	wiring := broker.Wiring{Getenv: env.Getenv}
	env.Open, env.Restore = wiring.Open, wiring.Restore
	env.Mapper = func() (cli.Mapper, error) {
		dir, err := wiring.StateDir()
		if err != nil {
			return nil, err
		}
		return mapping.Open(mapping.Options{Dir: filepath.Join(dir, "maps")})
	}
	return cli.Main(context.Background(), os.Args[1:], env)
}
