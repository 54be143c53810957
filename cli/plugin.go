package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
)

func newPlugin(a *app) *cobra.Command {
	return parent("plugin", "Look at the plugins installed", "meson plugin ls", newPluginLs(a))
}

func newPluginLs(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the plugins that were found, and what they are",
		Example: "meson plugin ls\nmeson plugin ls -o json",
		Long: "Lists the plugins in $MESON_PLUGIN_PATH, beside this program, and in the plugin\n" +
			"directories of the user and the system.",
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitInterrupted),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.plugins(cmd.Context()) },
	}
}

func (a *app) plugins(ctx context.Context) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	infos, err := b.Plugins(ctx)
	if err != nil {
		return err
	}
	docs := make([]render.Plugin, 0, len(infos))
	for _, i := range infos {
		docs = append(docs, render.NewPlugin(i.Name, i.Path, i.Description, i.Error))
	}
	return a.print(docs, func() error {
		g := render.NewGrid(
			render.Column{Title: "PLUGIN"}, render.Column{Title: "VERSION"}, render.Column{Title: "SERVICES", Drop: 2},
			render.Column{Title: "SUMMARY", Drop: 3}, render.Column{Title: "PATH", Drop: 1},
		)
		for _, d := range docs {
			if d.Description == nil {
				g.Add(d.Name, "-", "-", cmp.Or(d.Error, "-"), d.Path)
				continue
			}
			g.Add(d.Name, d.Description.Version, services(d.Description.Services), d.Description.Summary, d.Path)
		}
		g.Paint("PLUGIN", a.outs.bold)
		return a.grid(g)
	})
}

// services are those of a plugin in short, without the one that all have.
func services(full []string) string {
	var names []string
	for _, s := range full {
		if name := strings.ToLower(s[strings.LastIndex(s, ".")+1:]); name != "plugin" {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
