package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// eventsPage is how many events are asked for at a time, eventsPause how long
// --follow waits between looks.
const (
	eventsPage  = 500
	eventsPause = time.Second
)

type eventsFlags struct {
	follow bool
	after  int64
}

func newEvents(a *app) *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use:     "events [NAME]",
		Short:   "Show what happened to machines, oldest first",
		Example: "meson events web1\nmeson events --follow\nmeson events web1 -o json",
		Long: "Shows the history of one machine or of all. With --follow it goes on until it is\n" +
			"interrupted, and -o json writes one document a line.",
		Args:              arguments(0, 1),
		ValidArgsFunction: a.completeMachines,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return a.events(cmd.Context(), name, f)
		},
	}
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what happens from now on")
	cmd.Flags().Int64Var(&f.after, "after", 0, "only events after the one of this sequence `NUMBER`")
	return cmd
}

func (a *app) events(ctx context.Context, name string, f eventsFlags) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	all := []core.Event{}
	show := func(e core.Event) error {
		all = append(all, e)
		return nil
	}
	switch {
	case a.format == render.Table:
		show = a.printEvent
	case f.follow:
		show = func(e core.Event) error { return a.streamEvent(e) }
	}
	after := f.after
	for {
		if after, err = eachEvent(ctx, b, name, after, show); err != nil {
			return err
		}
		if !f.follow {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(eventsPause):
		}
	}
	return a.print(all, func() error { return nil })
}

// eachEvent shows all events after one, and gives the number of the last.
func eachEvent(ctx context.Context, b api.Broker, name string, after int64, show func(core.Event) error) (int64, error) {
	for {
		page, err := b.Events(ctx, name, after, eventsPage)
		if err != nil {
			return after, err
		}
		for _, e := range page {
			after = max(after, e.Seq)
			if err := show(e); err != nil {
				return after, err
			}
		}
		if len(page) < eventsPage {
			return after, nil
		}
	}
}

func (a *app) printEvent(e core.Event) error {
	_, err := fmt.Fprintf(a.env.Stdout, "%6d  %s  %-10s  %-16s  %s\n", e.Seq, render.Time(e.Time),
		render.Visible(e.Allocation), render.Visible(e.Step), render.Visible(e.Text))
	return err
}

func (a *app) streamEvent(e core.Event) error {
	if a.format == render.YAML {
		if _, err := fmt.Fprintln(a.env.Stdout, "---"); err != nil {
			return err
		}
		return render.Encode(a.env.Stdout, render.YAML, e)
	}
	return render.EncodeLine(a.env.Stdout, e)
}
