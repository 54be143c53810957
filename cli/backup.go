package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
)

func newBackup(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "backup FILE",
		Short:   "Write a copy of the ledger to a new file",
		Example: "meson backup /backup/ledger-2026-11-21.db",
		Long: "Writes all that Meson knows to the FILE, which must not be there yet and which nobody\n" +
			"else may read, while other commands go on. `meson restore` takes it back. Passwords and\n" +
			"user data of machines that are being made are not in it, nor are the files of providers'\n" +
			"secrets, only their paths.",
		Args:        arguments(1, 1),
		Annotations: exits(exitOK, exitError, exitUsage, exitConflict, exitInterrupted),
		RunE:        func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), args[0]) },
	}
}

func (a *app) backup(ctx context.Context, file string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	done, err := b.Backup(ctx, file)
	if err != nil {
		return err
	}
	return a.print(done, func() error {
		_, err := fmt.Fprintf(a.env.Stdout, "wrote %s (%d KiB)\n", a.outs.bold(render.Visible(done.File)), (done.Bytes+1023)/1024)
		return err
	})
}
