package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
)

func newPricesDiff(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "diff PROVIDER [FROM [TO]]", Short: "Show what changed from one price list to another",
		Example: "meson prices diff gcp\nmeson prices diff gcp book-2026-10-28\nmeson prices diff gcp book-2026-10-28 book-2026-11-15 -o json",
		Long: "Shows every price that differs between two kept lists of a provider, and which of the\n" +
			"changes need a yes. FROM and TO are revisions; without them it is from the list in use\n" +
			"to the last one seen.",
		Args: arguments(1, 3),
		ValidArgsFunction: a.completeFirst(func(cmd *cobra.Command, args []string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 2 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeRevisions(cmd, args)
		}),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:        func(cmd *cobra.Command, args []string) error { return a.pricesDiff(cmd.Context(), args) },
	}
}

func (a *app) pricesDiff(ctx context.Context, args []string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	args = append(args, "", "")
	provider, from, to := args[0], args[1], args[2]
	infos, err := b.PriceLists(ctx, provider)
	if err != nil {
		return err
	}
	changes, err := b.DiffPrices(ctx, provider, from, to)
	if err != nil {
		return err
	}
	from, to = fromTo(infos, from, to)
	doc := struct {
		Provider string               `json:"provider"`
		From     string               `json:"from"`
		To       string               `json:"to"`
		Changes  []render.PriceChange `json:"changes"`
	}{provider, from, to, render.NewPriceChanges(changes)}
	return a.print(doc, func() error {
		fmt.Fprintf(a.env.Stdout, "%s: from %s to %s: ", a.outs.bold(render.Visible(provider)), render.Visible(listName(infos, from)), render.Visible(listName(infos, to)))
		if len(changes) == 0 {
			_, err := fmt.Fprintln(a.env.Stdout, "no change")
			return err
		}
		fmt.Fprint(a.env.Stdout, render.Count(len(changes), "change"))
		switch n := len(pricing.NeedConsent(changes)); n {
		case 0:
		case 1:
			fmt.Fprint(a.env.Stdout, ", 1 of which needs a yes")
		default:
			fmt.Fprintf(a.env.Stdout, ", %d of which need a yes", n)
		}
		fmt.Fprintln(a.env.Stdout)
		return a.grid(changesGrid(changes, a.outs))
	})
}

// fromTo names the lists that a diff is between where nobody did: that in use,
// and the last one seen.
func fromTo(infos []api.PriceListInfo, from, to string) (string, string) {
	if len(infos) == 0 {
		return from, to
	}
	if from == "" {
		from = infos[0].Revision
	}
	if to == "" {
		to = slices.MaxFunc(infos, func(x, y api.PriceListInfo) int { return x.SeenAt.Compare(y.SeenAt) }).Revision
	}
	return from, to
}

// listName is a list with its state and date.
func listName(infos []api.PriceListInfo, revision string) string {
	for _, i := range infos {
		if i.Revision == revision {
			return fmt.Sprintf("%s (%s, %s)", revision, i.State, day(i.AsOf))
		}
	}
	return revision
}
