package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
)

func newPricesLs(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "ls [PROVIDER]", Aliases: []string{"list"}, Short: "List the price lists kept, and which are in use",
		Example: "meson prices ls\nmeson prices ls rack1 -o json",
		Long: "Lists the price lists of one provider or of all: that in use first, then the last seen.\n" +
			"Current is in use as the provider gave it, imported is in use in its place, waiting is\n" +
			"what the provider gave last and nobody has agreed to, and old ones are kept for the\n" +
			"quotes that refer to them. " + fmt.Sprintf("Age counts from a list's oldest price; from %d days on it is stale.", api.StaleListDays+1),
		Args:              arguments(0, 1),
		ValidArgsFunction: a.completeFirst(nothingMore),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.pricesLs(cmd.Context(), first(args)) },
	}
}

func (a *app) pricesLs(ctx context.Context, provider string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	infos, err := b.PriceLists(ctx, provider)
	if err != nil {
		return err
	}
	docs := append([]api.PriceListInfo{}, infos...)
	for i := range docs {
		docs[i] = listDocument(docs[i])
	}
	return a.print(docs, func() error {
		if len(docs) == 0 {
			a.job.say("no price lists yet: `meson prices refresh` asks for them")
			return nil
		}
		g := render.NewGrid(
			render.Column{Title: "PROVIDER"}, render.Column{Title: "REVISION"}, render.Column{Title: "STATE"},
			render.Column{Title: "SOURCE", Drop: 3, Fold: 16}, render.Column{Title: "AS OF", Drop: 1}, render.Column{Title: "AGE", Right: true},
			render.Column{Title: "PRICES", Right: true, Drop: 2}, render.Column{Title: "CURRENCY", Drop: 4},
		)
		for _, d := range docs {
			g.Add(d.Provider, d.Revision, string(d.State), d.Source, day(d.AsOf), ageText(d.AgeDays, d.Stale), strconv.Itoa(d.SKUs), d.Currency)
		}
		g.Paint("PROVIDER", a.outs.bold)
		g.Paint("STATE", a.outs.listState)
		return a.grid(g)
	})
}

// listDocument is a list as programs read it, all times in UTC.
func listDocument(i api.PriceListInfo) api.PriceListInfo {
	for _, t := range []*time.Time{&i.AsOf, &i.OldestAsOf, &i.SeenAt, &i.UsedSince} {
		if !t.IsZero() {
			*t = t.UTC()
		}
	}
	return i
}

// listState paints the state of a price list.
func (s style) listState(text string) string {
	switch api.ListState(text) {
	case api.ListCurrent, api.ListImported:
		return s.green(text)
	case api.ListWaiting:
		return s.yellow(text)
	case api.ListOld, api.ListUnkept:
		return s.dim(text)
	}
	return text
}

// day is a date for people.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

// ageText is an age in days, marked where it is stale.
func ageText(days int, stale bool) string {
	if stale {
		return fmt.Sprintf("%dd, stale", days)
	}
	return fmt.Sprintf("%dd", days)
}
