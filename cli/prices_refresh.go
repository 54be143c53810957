package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
)

type refreshFlags struct{ yes, live bool }

func newPricesRefresh(a *app) *cobra.Command {
	var f refreshFlags
	cmd := &cobra.Command{
		Use: "refresh [PROVIDER...]", Short: "Ask providers for their prices now, and say what changed",
		Example: "meson prices refresh\nmeson prices refresh upcloud-eu --yes\nmeson prices refresh gcp --live",
		Long: "Asks the named providers, or all, for their price lists and says what differs from those\n" +
			"in use. A new list comes into use at once, unless a price rises or falls by more than " + fmt.Sprint(pricing.Jump) + "\n" +
			"times, is or was nothing, or changes its unit or currency: then a person must agree, at\n" +
			"the terminal or with --yes, and until then the old list stays in use. An imported list\n" +
			"stays in use until --live.",
		Args:              arguments(0, -1),
		ValidArgsFunction: a.completeProviders,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.pricesRefresh(cmd.Context(), args, f) },
	}
	cmd.Flags().BoolVar(&f.yes, "yes", false, "agree to every change")
	cmd.Flags().BoolVar(&f.live, "live", false, "end an import: use the provider's own prices again")
	return cmd
}

// refreshDocument is what became of one provider's prices, as programs read it.
type refreshDocument struct {
	api.RefreshResult
	List    *api.PriceListInfo   `json:"list,omitempty"`
	Changes []render.PriceChange `json:"changes"`
}

func newRefreshDocument(r api.RefreshResult) refreshDocument {
	d := refreshDocument{RefreshResult: r, Changes: render.NewPriceChanges(r.Changes)}
	if r.List.Revision != "" {
		list := listDocument(r.List)
		d.List = &list
	}
	return d
}

func (a *app) pricesRefresh(ctx context.Context, names []string, f refreshFlags) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	for _, name := range names { // a slip of the pen changes nothing
		if _, err := b.PriceLists(ctx, name); err != nil {
			return err
		}
	}
	if len(names) == 0 {
		names = []string{""}
	}
	a.job.begin()
	refused := map[string]api.Consent{}
	var results []api.RefreshResult
	var failed error
	for _, name := range names {
		some, err := b.RefreshPrices(ctx, api.RefreshRequest{Provider: name, Accept: a.consent(ctx, f.yes, refused), Live: f.live})
		results = append(results, some...)
		if failed = err; err != nil {
			break
		}
	}
	a.job.close()
	docs := make([]refreshDocument, 0, len(results))
	for _, r := range results {
		docs = append(docs, newRefreshDocument(r))
	}
	if err := a.print(docs, func() error { return a.printRefresh(results, refused) }); err != nil {
		return err
	}
	for _, r := range results {
		if r.Used {
			a.warnStale(r.List)
		}
	}
	if failed != nil {
		return failed
	}
	return unjoin(errors.Join(refreshErrors(ctx, results, refused, f.live)...))
}

// refreshErrors are those of the providers that could not be asked, and of the
// lists that wait.
func refreshErrors(ctx context.Context, results []api.RefreshResult, refused map[string]api.Consent, live bool) []error {
	var errs []error
	for _, r := range results {
		c, waiting := refused[r.Provider]
		switch {
		case r.Error != nil:
			errs = append(errs, settle(ctx, r.Error))
		case waiting:
			command := "meson prices refresh " + quote(r.Provider) + " --yes"
			if live {
				command += " --live"
			}
			errs = append(errs, waits("refresh prices", c, fmt.Sprintf("list %s waits and %s stays in use", r.To, r.From), command))
		}
	}
	return errs
}

func (a *app) printRefresh(results []api.RefreshResult, refused map[string]api.Consent) error {
	if len(results) == 0 {
		a.job.say("no provider is configured")
	}
	for _, r := range results {
		if r.Error != nil {
			continue // told on standard error
		}
		_, waiting := refused[r.Provider]
		fmt.Fprintln(a.env.Stdout, a.refreshed(r, waiting))
		if err := a.printChanges(r); err != nil {
			return err
		}
	}
	return nil
}

// refreshed says in one line what became of a provider's prices.
func (a *app) refreshed(r api.RefreshResult, waiting bool) string {
	list := fmt.Sprintf("list %s of %s", render.Visible(r.To), day(r.List.AsOf))
	line := a.outs.bold(render.Visible(r.Provider)) + ": "
	from := render.Visible(r.From)
	switch {
	case r.Used && r.From == r.To:
		return line + "no change, " + list + " is in use"
	case r.Used && r.From == "":
		return line + fmt.Sprintf("%s is in use now, with %s", list, render.Count(r.List.SKUs, "price"))
	case r.Used:
		line += fmt.Sprintf("%s is in use now in place of %s", list, from)
	case waiting:
		line += fmt.Sprintf("%s %s for a yes, and %s stays in use", list, a.outs.yellow("waits"), from)
	default:
		line += fmt.Sprintf("%s is kept, and the imported %s stays in use (--live ends that)", list, from)
	}
	if len(r.Changes) == 0 {
		return line + ": the same prices"
	}
	return line + ": " + render.Count(len(r.Changes), "change")
}
