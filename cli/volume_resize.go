package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core/api"
)

func newVolumeResize(a *app) *cobra.Command {
	var dryRun bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "resize VOLUME SIZE", Short: "Let a volume grow, also while it is in use",
		Example: "meson volume resize data 20GiB",
		Long: "Lets a volume grow to SIZE, also while a machine uses it: the machine sees a larger disk, and\n" +
			"its file system is for you to grow. Volumes never shrink.\n" + volumeName,
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			size, err := parseSize(args[1])
			if err != nil {
				return usagef("", "SIZE: %v", err)
			}
			return a.changeVolume(cmd.Context(), timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.ResizeVolume(ctx, a.onVolume(args[0], dryRun), size)
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say whether it could be, and stop before")
	timeoutFlag(cmd, &timeout)
	return cmd
}

func newVolumeRename(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "rename VOLUME NAME", Short: "Give a volume another name; its vid stays",
		Example:           "meson volume rename data logs",
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeVolume(cmd.Context(), timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.RenameVolume(ctx, a.onVolume(args[0], false), args[1])
			})
		},
	}
	timeoutFlag(cmd, &timeout)
	return cmd
}
