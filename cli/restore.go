package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
)

func newRestore(a *app) *cobra.Command {
	var req api.RestoreRequest
	cmd := &cobra.Command{
		Use:     "restore FILE",
		Short:   "Put a backup in the ledger's place",
		Example: "meson restore /backup/ledger-2026-11-21.db\nmeson restore /backup/ledger-2026-11-21.db --force",
		Long: "Checks the backup in FILE and puts a copy of it in the ledger's place, at once and as a\n" +
			"whole; what was there is kept beside it. While machines of the ledger that is there are\n" +
			"not gone, or it cannot be read, that takes --force. No other command may run meanwhile.",
		Args:        arguments(1, 1),
		Annotations: exits(exitOK, exitError, exitUsage, exitConflict, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.File = args[0]
			return a.restore(cmd.Context(), req)
		},
	}
	cmd.Flags().BoolVar(&req.Force, "force", false, "restore although machines of the ledger that is there are not gone")
	return cmd
}

func (a *app) restore(ctx context.Context, req api.RestoreRequest) error {
	done, err := a.env.Restore(ctx, req, jobLog{a.job})
	if err != nil {
		return err
	}
	return a.print(done, func() error {
		w := a.env.Stdout
		fmt.Fprintf(w, "restored %s\n", a.outs.bold(render.Visible(done.File)))
		field(w, "ledger", render.Visible(done.Ledger))
		field(w, "machines", fmt.Sprintf("%d, %d of them not gone or failed", done.Allocations, done.Open))
		if done.Kept != "" {
			field(w, "before", render.Visible(done.Kept)+" has what was there")
		}
		field(w, "next", "`meson resume` finishes what was under way, and warns of machines that the backup does not know")
		return nil
	})
}
