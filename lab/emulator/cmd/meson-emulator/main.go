// Command meson-emulator serves emulated clouds, one per subcommand.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "meson-emulator:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:     "meson-emulator CLOUD",
		Version: version,
		Long: `Example:
  meson-emulator upcloud --listen 127.0.0.1:8080 --control 127.0.0.1:8081 --speed 60

Serves an emulated cloud until it is interrupted. Nothing is kept.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	c.AddCommand(upcloudCommand())
	return c
}
