package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core/api"
)

func newVolumeAttach(a *app) *cobra.Command {
	var readOnly, dryRun bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "attach VOLUME MACHINE", Short: "Put a volume on a machine",
		Example: "meson volume attach data web1\nmeson volume attach data web1 --readonly",
		Long: "Puts a volume on a machine that exists, running or not, and returns when the machine has\n" +
			"it. A volume is written to by one machine at a time: while another one may write, this is\n" +
			"refused, with who that is. Read-only many machines have it at once; what was made\n" +
			"--shareable many write to.\n" + volumeName,
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeVolume(a.oneMachine),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeVolume(cmd.Context(), timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.AttachVolume(ctx, api.AttachVolumeRequest{VolumeRequest: a.onVolume(args[0], dryRun), Machine: args[1], ReadOnly: readOnly})
			})
		},
	}
	cmd.Flags().BoolVar(&readOnly, "readonly", false, "the machine only reads it")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say whether the machine could have it, or who keeps it from that, and stop before")
	timeoutFlag(cmd, &timeout)
	return cmd
}

func newVolumeDetach(a *app) *cobra.Command {
	var force, yes bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "detach VOLUME [MACHINE]", Short: "Take a volume off a machine",
		Example: "meson volume detach data\nmeson volume detach data web1",
		Long: "Takes a volume off a machine and returns when that has let go. A guest with a guest agent\n" +
			"that still has it mounted is named, and keeps it: unmount it there. A guest without an agent\n" +
			"lets go of a mounted disk at once, and what it had not written yet is lost: unmount it first.\n" +
			"--force cuts the machine off at the storage server instead, as if the cable were pulled: what\n" +
			"it had not written yet is lost too. MACHINE may be left out where one machine alone has it.\n" + volumeName,
		Args:              arguments(1, 2),
		ValidArgsFunction: a.completeVolume(a.oneMachine),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			machine := ""
			if len(args) > 1 {
				machine = args[1]
			}
			if force {
				if err := a.agreeToForce(cmd.Context(), "Cut off who has "+args[0]+"? What it has not written yet is lost.", yes); err != nil {
					return err
				}
			}
			return a.changeVolume(cmd.Context(), timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.DetachVolume(ctx, api.DetachVolumeRequest{VolumeRequest: a.onVolume(args[0], false), Machine: machine, Force: force})
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "cut the machine off at the storage server if it does not let go")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	timeoutFlag(cmd, &timeout)
	return cmd
}

func (a *app) onVolume(name string, dryRun bool) api.VolumeRequest {
	return api.VolumeRequest{Volume: name, DryRun: dryRun, Progress: a.job.progress}
}
