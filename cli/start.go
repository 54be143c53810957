package cli

import (
	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core"
)

func newStart(a *app) *cobra.Command {
	return power{
		use: "start", short: "Start a machine that is stopped", example: "meson start web1",
		soft: core.PowerStart,
	}.command(a)
}
