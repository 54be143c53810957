package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newLs(a *app) *cobra.Command {
	var req api.ListRequest
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List machines as their providers see them now",
		Example: "meson ls\nmeson ls --all -o json",
		Long: "Lists machines with their state, asked of the providers now. Of a provider that does\n" +
			"not answer, the state last seen is shown.\n\n" + render.RoundingRule,
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitInterrupted),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.ls(cmd.Context(), req) },
	}
	cmd.Flags().BoolVarP(&req.All, "all", "a", false, "also those that are gone or failed")
	cmd.Flags().StringVar(&req.Provider, "provider", "", "only those at the provider of this `NAME`")
	_ = cmd.RegisterFlagCompletionFunc("provider", a.completeProviders)
	return cmd
}

func (a *app) ls(ctx context.Context, req api.ListRequest) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	allocs, err := b.List(ctx, req)
	if err != nil {
		return err
	}
	return a.printList(allocs)
}

func documents(allocs []core.Allocation) []render.Allocation {
	docs := make([]render.Allocation, 0, len(allocs))
	for _, alloc := range allocs {
		docs = append(docs, render.NewAllocation(alloc, nil))
	}
	return docs
}

func (a *app) printList(allocs []core.Allocation) error {
	return a.print(documents(allocs), func() error {
		if len(allocs) == 0 {
			_, err := fmt.Fprintln(a.env.Stderr, "no machines")
			return err
		}
		return a.grid(a.machinesGrid(allocs))
	})
}

func (a *app) machinesGrid(allocs []core.Allocation) *render.Grid {
	columns := []render.Column{
		{Title: "NAME"},
		{Title: "ID", Drop: 3},
		{Title: "STATE"},
		{Title: "PROVIDER"},
		{Title: "ZONE", Drop: 2},
		{Title: "SHAPE", Drop: 5},
		{Title: "ADDRESS"},
		{Title: "PRICE/MONTH", Right: true, Drop: 1},
		{Title: "AGE", Right: true, Drop: 4},
		{Title: "SEEN", Right: true, Drop: 6},
	}
	// Most machines have none.
	volumes := slices.ContainsFunc(allocs, func(alloc core.Allocation) bool { return len(alloc.Volumes) > 0 })
	if volumes {
		columns = append(columns, render.Column{Title: "VOLUMES", Right: true, Drop: 7})
	}
	g := render.NewGrid(columns...)
	now := a.env.Now()
	for _, alloc := range allocs {
		var provider, zone, shape, addr, price string
		if q := alloc.Offer; q != nil {
			provider, zone, shape = q.Provider, where(q.Offer), q.Shape
			price = render.PerMonth(q.Price) + " " + q.Price.Currency
		}
		if i := alloc.Instance; i != nil && len(i.Addresses) > 0 {
			addr = i.Addresses[0].IP
		}
		seen := "now"
		switch {
		case !alloc.LastSeen.IsZero():
			seen = render.Age(now.Sub(alloc.LastSeen)) + " ago"
		case alloc.State.Final() || alloc.Instance == nil:
			seen = "-"
		}
		row := []string{
			alloc.Name, alloc.ID, string(alloc.State), cmp.Or(provider, "-"), cmp.Or(zone, "-"), cmp.Or(shape, "-"),
			cmp.Or(addr, "-"), cmp.Or(price, "-"), render.Age(now.Sub(alloc.CreatedAt)), seen,
		}
		if volumes {
			row = append(row, strconv.Itoa(len(alloc.Volumes)))
		}
		g.Add(row...)
	}
	g.Paint("NAME", a.outs.bold)
	g.Paint("STATE", a.outs.state)
	return g
}
