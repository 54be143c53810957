package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newProvider(a *app) *cobra.Command {
	return parent("provider", "Configure who is asked for machines",
		"meson provider add rack1 --plugin kvm --set uri=qemu:///system --set free=true\nmeson provider ls",
		newProviderAdd(a), newProviderSet(a), newProviderLs(a), newProviderShow(a), newProviderTest(a), newProviderRm(a))
}

func providerDocument(p api.ProviderInfo) render.Provider {
	return render.NewProvider(p.ProviderConfig, p.SettingsJSON, p.Description, p.Error)
}

// checksGrid is the table of what a provider's test tried.
func checksGrid(checks []core.CheckItem, s style) *render.Grid {
	g := render.NewGrid(
		render.Column{Title: "CHECK"}, render.Column{Title: "RESULT"},
		render.Column{Title: "DETAIL", Drop: 1}, render.Column{Title: "HINT", Drop: 2},
	)
	for _, c := range checks {
		g.Add(c.Subject, string(c.Verdict), c.Text, c.Hint)
	}
	g.Paint("RESULT", s.verdict)
	return g
}

// sayChecks shows what was tried on the way to something else.
func (a *app) sayChecks(checks []core.CheckItem) {
	if len(checks) > 0 {
		a.job.say(strings.TrimSuffix(checksGrid(checks, a.errs).Render(a.width(a.env.Terminal.Stderr), a.plain()), "\n"))
	}
}

func (a *app) completeMachines(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd.Context(), func(ctx context.Context, b api.Broker) ([]string, error) {
		allocs, err := b.List(ctx, api.ListRequest{})
		var names []string
		for _, alloc := range allocs {
			names = append(names, alloc.Name)
		}
		return without(names, args), err
	})
}

func (a *app) completeProviders(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd.Context(), func(ctx context.Context, b api.Broker) ([]string, error) {
		infos, err := b.Providers(ctx)
		var names []string
		for _, p := range infos {
			names = append(names, p.Name)
		}
		return without(names, args), err
	})
}
