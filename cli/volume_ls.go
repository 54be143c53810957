package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newVolumeLs(a *app) *cobra.Command {
	var provider string
	var ours bool
	cmd := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List volumes as their providers see them now",
		Example: "meson volume ls\nmeson volume ls --provider vault1 -o json",
		Long: "Lists the volumes of every storage provider, asked now, also those that others made. Of a\n" +
			"provider that does not answer, those of this ledger are shown as they were seen last, and\n" +
			"why it does not answer; the command then ends with 1.",
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.volumeLs(cmd.Context(), provider, ours) },
	}
	cmd.Flags().StringVar(&provider, "provider", "", "only those at the provider of this `NAME`")
	cmd.Flags().BoolVar(&ours, "ours", false, "only those that this ledger made")
	_ = cmd.RegisterFlagCompletionFunc("provider", a.completeProviders)
	return cmd
}

func (a *app) volumeLs(ctx context.Context, provider string, ours bool) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	all, failures, err := b.ListVolumes(ctx, provider)
	if err != nil {
		return err
	}
	var list []api.VolumeInfo
	for _, v := range all {
		if v.Ours || !ours {
			list = append(list, v)
		}
	}
	docs := make([]render.Volume, 0, len(list))
	for _, v := range list {
		docs = append(docs, volumeDocument(v))
	}
	if err := a.print(docs, func() error {
		if len(list) == 0 {
			_, err := fmt.Fprintln(a.env.Stderr, "no volumes")
			return err
		}
		return a.grid(a.volumesGrid(list))
	}); err != nil {
		return err
	}
	return unanswered(failures)
}

func (a *app) volumesGrid(list []api.VolumeInfo) *render.Grid {
	g := render.NewGrid(
		render.Column{Title: "NAME", Fold: 16}, render.Column{Title: "VID", Fold: 12}, render.Column{Title: "STATE"}, render.Column{Title: "SIZE", Right: true},
		render.Column{Title: "USED", Right: true, Drop: 4}, render.Column{Title: "PROVIDER"}, render.Column{Title: "ZONE", Drop: 3},
		render.Column{Title: "KIND", Drop: 5}, render.Column{Title: "USED BY", Fold: 12}, render.Column{Title: "LOCKED BY", Drop: 2, Fold: 12},
		render.Column{Title: "SEEN", Right: true, Drop: 6},
	)
	now := a.env.Now()
	for _, v := range list {
		seen, used := "now", "-"
		if v.Error != nil {
			seen = render.Age(now.Sub(v.LastSeen)) + " ago"
		}
		if v.UsedBytes > 0 {
			used = render.About(v.UsedBytes)
		}
		state, locked := string(v.State), "-"
		if len(v.Faults) > 0 {
			state += ", faulty"
		}
		if v.Lock != nil {
			locked = cmp.Or(v.Lock.Holder, "somebody")
			if l := v.Lock; l.Allocation != "" {
				locked += " for " + cmp.Or(v.Machines[l.Allocation], l.Allocation)
			}
		}
		g.Add(cmp.Or(v.Name, "-"), v.ID, state, sizeText(v.SizeBytes), used, v.Provider, cmp.Or(v.Zone, v.Region, "-"),
			cmp.Or(volumeKind(v.VolumeSpec), "-"), cmp.Or(usersText(v), "-"), locked, seen)
	}
	g.Paint("NAME", a.outs.bold)
	g.Paint("STATE", a.outs.volumeState)
	return g
}

// usersText names who uses a volume: one, and how many more.
func usersText(v api.VolumeInfo) string {
	if len(v.Uses) == 0 {
		return ""
	}
	u := v.Uses[0]
	for _, other := range v.Uses {
		if other.Writable && !u.Writable {
			u = other
		}
	}
	text := cmp.Or(v.Machines[u.Allocation], u.Holder, u.Allocation, u.Attachment)
	if more := len(v.Uses) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// unanswered is an error where providers have not answered.
func unanswered(failures []core.Answer) error {
	var errs []error
	for _, f := range failures {
		errs = append(errs, &core.Error{Kind: core.Unavailable, Subject: "provider " + f.Provider, Err: f.Err, Hint: "meson provider test " + f.Provider})
	}
	return unjoin(errors.Join(errs...))
}
