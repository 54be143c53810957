package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
)

type cloneFlags struct {
	size     sizeFlag
	snapshot string
	dryRun   bool
	timeout  time.Duration
}

func newVolumeClone(a *app) *cobra.Command {
	var f cloneFlags
	cmd := &cobra.Command{
		Use: "clone VOLUME NAME", Short: "Make a volume of what another one holds",
		Example: "meson volume clone root root-copy\nmeson volume clone data test --snapshot before-upgrade --size 20GiB",
		Long: "Makes a new volume, NAME, that holds what VOLUME holds now, or what a snapshot of it does,\n" +
			"at the same provider. They share what neither has changed where the provider can do that.\n" +
			"From then on they are apart.\n" + volumeName + "\n\n" + render.RoundingRule,
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer, exitUndone, exitGoing,
			exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.made(cmd.Context(), f.dryRun, f.timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.CloneVolume(ctx, api.CloneVolumeRequest{
					From: args[0], Snapshot: f.snapshot, Name: args[1], SizeBytes: f.size.bytes, DryRun: f.dryRun, Progress: a.job.progress,
				})
			})
		},
	}
	cmd.Flags().StringVar(&f.snapshot, "snapshot", "", "what the volume held at this `SNAPSHOT`, by its name or id")
	cmd.Flags().Var(&f.size, "size", "how large the new one is, at least as large as the other")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "ask, and stop before anything is made")
	timeoutFlag(cmd, &f.timeout)
	return cmd
}
