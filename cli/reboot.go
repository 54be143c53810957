package cli

import (
	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core"
)

func newReboot(a *app) *cobra.Command {
	return power{
		use: "reboot", short: "Ask the guest to boot again, or reset it", example: "meson reboot web1\nmeson reboot web1 --hard",
		soft: core.PowerReboot, hard: core.PowerRebootHard, what: "reset without asking the guest",
	}.command(a)
}
