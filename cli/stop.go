package cli

import (
	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core"
)

func newStop(a *app) *cobra.Command {
	return power{
		use: "stop", short: "Ask the guest to shut down, or cut its power", example: "meson stop web1\nmeson stop web1 --hard",
		soft: core.PowerStop, hard: core.PowerStopHard, what: "cut the power without asking the guest",
	}.command(a)
}
