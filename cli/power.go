package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core"
)

// power is what the three commands that change a machine's power share.
type power struct {
	use, short, example string
	soft, hard          core.PowerAction
	what                string
}

func (p power) command(a *app) *cobra.Command {
	var hard bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: p.use + " NAME", Short: p.short, Example: p.example,
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeMachines,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			action := p.soft
			if hard {
				action = p.hard
			}
			return a.power(cmd.Context(), args[0], action, timeout)
		},
	}
	if p.hard != "" {
		cmd.Flags().BoolVar(&hard, "hard", false, p.what)
	}
	timeoutFlag(cmd, &timeout)
	return cmd
}

func (a *app) power(ctx context.Context, name string, action core.PowerAction, timeout time.Duration) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx, timeout)
	defer cancel()
	a.job.begin()
	alloc, err := b.Power(ctx, name, action, a.job.progress)
	a.job.close()
	if err = settle(ctx, err); err != nil {
		return a.unfinished(err, name, a.job.allocation())
	}
	return a.printOne(ctx, alloc)
}
