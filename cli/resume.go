package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newResume(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "resume [NAME]",
		Short:   "Finish what an earlier command left unfinished",
		Example: "meson resume\nmeson resume web1",
		Long: "Takes over what no command works on any more, all of it or the machine NAME: adopts\n" +
			"what was made, finishes removals, and gives up what cannot be made any more; volumes that\n" +
			"were made by themselves, too. With -o json it prints an array of machines.",
		Args:              arguments(0, 1),
		ValidArgsFunction: a.completeMachines,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return a.resume(cmd.Context(), name, timeout)
		},
	}
	timeoutFlag(cmd, &timeout)
	return cmd
}

func (a *app) resume(ctx context.Context, name string, timeout time.Duration) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx, timeout)
	defer cancel()
	a.job.named = name == ""
	a.job.begin()
	allocs, err := b.Resume(ctx, name, a.job.progress)
	var volumes []api.VolumeInfo
	if name == "" {
		var verr error
		volumes, verr = b.ResumeVolumes(ctx, a.job.progress)
		err = joinFlat(err, verr)
	}
	a.job.close()
	if perr := a.print(documents(allocs), func() error {
		if len(allocs)+len(volumes) == 0 && err == nil {
			fmt.Fprintln(a.env.Stdout, "nothing to resume")
		}
		for _, alloc := range allocs {
			line := fmt.Sprintf("%s (%s) is %s", a.outs.bold(render.Visible(alloc.Name)), alloc.ID, a.outs.state(string(alloc.State)))
			if alloc.State == core.Failed && alloc.Message != "" {
				line += ": " + render.Visible(alloc.Message)
			}
			fmt.Fprintln(a.env.Stdout, line)
		}
		for _, v := range volumes {
			fmt.Fprintf(a.env.Stdout, "volume %s (%s) is %s\n", a.outs.bold(render.Visible(v.Name)), render.Visible(cmp.Or(v.ID, "none")), a.outs.volumeState(string(v.State)))
		}
		return nil
	}); perr != nil && err == nil {
		return perr
	}
	return eachError(err, func(err error) error { return a.unfinished(settle(ctx, err), name, a.job.allocation()) })
}

// joinFlat joins two errors, either of which may be joined itself.
func joinFlat(errs ...error) error {
	var all []error
	for _, err := range errs {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			all = append(all, many.Unwrap()...)
		} else if err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// eachError is what fn makes of an error, or of each of those that are joined.
func eachError(err error, fn func(error) error) error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fn(err)
	}
	var errs []error
	for _, e := range many.Unwrap() {
		errs = append(errs, fn(e))
	}
	return unjoin(errors.Join(errs...))
}

// printOne prints the machine that a command worked on.
func (a *app) printOne(ctx context.Context, alloc core.Allocation) error {
	return a.print(render.NewAllocation(alloc, nil), func() error { return a.printMachine(ctx, alloc, false) })
}

// unfinished tells what to do about something that goes on without the command;
// id is empty where only the user's name for it is known.
func (a *app) unfinished(err error, name, id string) error {
	id = cmp.Or(id, name)
	if core.KindOf(err) != core.Uncertain || id == "" {
		return err
	}
	return withHint(err, fmt.Sprintf("id %s: `meson show %s` tells how it stands, `meson resume %s` finishes it", id, id, id))
}
