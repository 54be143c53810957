package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
)

func newProviderLs(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the providers configured",
		Example:     "meson provider ls",
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitInterrupted),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.providerLs(cmd.Context()) },
	}
}

func (a *app) providerLs(ctx context.Context) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	infos, err := b.Providers(ctx)
	if err != nil {
		return err
	}
	docs := make([]render.Provider, 0, len(infos))
	for _, p := range infos {
		docs = append(docs, providerDocument(p))
	}
	return a.print(docs, func() error {
		g := render.NewGrid(
			render.Column{Title: "PROVIDER"}, render.Column{Title: "PLUGIN"}, render.Column{Title: "STATUS", Drop: 1},
			render.Column{Title: "CONNECT", Drop: 3}, render.Column{Title: "AGE", Right: true, Drop: 2},
		)
		for _, d := range docs {
			status, connect := "ok", d.Connect
			if d.Error != nil {
				status = headline(d.Error)
			}
			if connect == "" {
				connect = "started when needed"
			}
			g.Add(d.Name, d.Plugin, status, connect, render.Age(a.env.Now().Sub(d.CreatedAt)))
		}
		g.Paint("PROVIDER", a.outs.bold)
		return a.grid(g)
	})
}
