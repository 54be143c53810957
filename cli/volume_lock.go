package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core/api"
)

func newVolumeLock(a *app) *cobra.Command {
	var machine string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "lock VOLUME", Short: "Keep everybody else from writing to a volume",
		Example: "meson volume lock data\nmeson volume lock data --machine web1",
		Long: "Locks a volume for you: from then on no machine of another ledger begins to write to it,\n" +
			"until `meson volume unlock`, whatever restarts. With --machine no other machine of this\n" +
			"ledger does either, and nothing maps it to write; the lock stays if the machine goes. Again\n" +
			"is no change; a volume that somebody else has locked, or writes to, is refused, with who\n" +
			"that is.\n" + volumeName,
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeVolume(cmd.Context(), timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.LockVolume(ctx, api.LockVolumeRequest{VolumeRequest: a.onVolume(args[0], false), Who: who(), Machine: machine})
			})
		},
	}
	cmd.Flags().StringVar(&machine, "machine", "", "the only `MACHINE` that may write: its name or id")
	_ = cmd.RegisterFlagCompletionFunc("machine", a.completeMachines)
	timeoutFlag(cmd, &timeout)
	return cmd
}

func newVolumeUnlock(a *app) *cobra.Command {
	var force, yes bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "unlock VOLUME", Short: "Give a volume's lock back",
		Example: "meson volume unlock data\nmeson volume unlock data --force",
		Long: "Gives back the lock that you have. Somebody else's is refused; --force first cuts off\n" +
			"whoever writes, at the storage server, and only then releases the lock. Where that is not\n" +
			"known to have worked, the lock stays. On a terminal --force asks before.\n" + volumeName,
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			if force {
				if err := a.agreeToForce(cmd.Context(), "Cut off whoever writes to "+args[0]+", and release it? What is not written yet is lost.", yes); err != nil {
					return err
				}
			}
			return a.changeVolume(cmd.Context(), timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.UnlockVolume(ctx, api.UnlockVolumeRequest{VolumeRequest: a.onVolume(args[0], false), Who: who(), Force: force})
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "cut off whoever writes, then release anybody's lock")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	timeoutFlag(cmd, &timeout)
	return cmd
}

// agreeToForce asks before what takes a volume from somebody, on a terminal.
func (a *app) agreeToForce(ctx context.Context, question string, yes bool) error {
	if yes {
		return nil
	}
	return a.mustAgree(ctx, question, "nobody cut off")
}
