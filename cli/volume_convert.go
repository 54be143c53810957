package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core/api"
)

func newVolumeConvert(a *app) *cobra.Command {
	var format string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "convert VOLUME --format FORMAT", Short: "Rewrite a volume that nobody uses as raw or qcow2",
		Example: "meson volume convert data --format qcow2\nmeson volume convert data --format raw --timeout 2h",
		Long: "Rewrites a volume that nobody uses in another format, of the same bytes: raw is the fastest from\n" +
			"afar, qcow2 is cloned at once and takes no more room than what it holds. Both are there until it\n" +
			"is done, so that there must be room for both. Its snapshots, its vid and its price stay. A volume\n" +
			"that has the format is no change. Interrupted or killed, the volume is what it was, or converted;\n" +
			"the same command goes on, or begins anew.\n" + volumeName,
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == "" {
				return usagef("", "--format is missing: want raw or qcow2")
			}
			if err := checkFormat(format); err != nil {
				return err
			}
			return a.changeVolume(cmd.Context(), timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.ConvertVolume(ctx, a.onVolume(args[0], false), format)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "what it is to be: `raw` or qcow2")
	completeFormats(cmd)
	timeoutFlag(cmd, &timeout)
	return cmd
}
