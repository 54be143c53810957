package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// removals is how many machines are removed at the same time.
const removals = 4

func newRm(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "rm NAME...",
		Short:   "Remove machines and all that was made for them",
		Example: "meson rm web1\nmeson rm web1 web2 -o json",
		Long: "Removes machines, whatever their state, and waits until they are gone. It does not\n" +
			"ask. What is gone already stays gone, and is no error. With -o json it prints an array.",
		Args:              arguments(1, -1),
		ValidArgsFunction: a.completeMachines,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitDenied, exitGoing, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.rm(cmd.Context(), args, timeout) },
	}
	timeoutFlag(cmd, &timeout)
	return cmd
}

func (a *app) rm(ctx context.Context, names []string, timeout time.Duration) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx, timeout)
	defer cancel()
	a.job.named = len(names) > 1
	a.job.begin()
	allocs := make([]core.Allocation, len(names))
	errs := make([]error, len(names))
	var all sync.WaitGroup
	slots := make(chan struct{}, removals)
	for i, name := range names {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var id string
			alloc, err := b.Remove(ctx, api.RemoveRequest{Name: name, Progress: func(p api.Progress) {
				id = cmp.Or(p.Allocation, id)
				a.job.progress(p)
			}})
			allocs[i] = alloc
			errs[i] = a.unfinished(settle(ctx, err), name, cmp.Or(alloc.ID, id))
		})
	}
	all.Wait()
	a.job.close()
	done := make([]core.Allocation, 0, len(names))
	for _, alloc := range allocs {
		if alloc.ID != "" {
			done = append(done, alloc)
		}
	}
	if err := a.print(documents(done), func() error {
		for _, alloc := range done {
			fmt.Fprintf(a.env.Stdout, "%s (%s) is %s\n", a.outs.bold(render.Visible(alloc.Name)), alloc.ID, a.outs.state(string(alloc.State)))
		}
		return nil
	}); err != nil {
		return err
	}
	return unjoin(errors.Join(errs...))
}
