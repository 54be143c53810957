package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
)

func newProviderShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a provider's settings, without secrets",
		Example:           "meson provider show rack1",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeProviders,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.providerShow(cmd.Context(), args[0]) },
	}
}

func (a *app) providerShow(ctx context.Context, name string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	info, err := b.Provider(ctx, name)
	if err != nil {
		return err
	}
	doc := providerDocument(info)
	return a.print(doc, func() error {
		w := a.env.Stdout
		fmt.Fprintf(w, "%s (%s)\n", a.outs.bold(render.Visible(doc.Name)), render.Visible(doc.Plugin))
		field(w, "created", render.Time(doc.CreatedAt))
		if doc.Connect != "" {
			field(w, "connect", render.Visible(doc.Connect))
		}
		if d := doc.Description; d != nil {
			field(w, "version", render.Visible(strings.TrimSpace(d.Version+" "+d.Summary)))
			if makes := makesText(d.Services); makes != "" {
				field(w, "makes", makes)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(doc.SecretFiles)) {
			field(w, "secret", render.Visible(key+" from "+doc.SecretFiles[key]))
		}
		if doc.Error != nil {
			field(w, "error", a.outs.red(render.Visible(headline(doc.Error))))
		}
		var settings bytes.Buffer
		if err := json.Indent(&settings, doc.Settings, "  ", "  "); err != nil {
			return err
		}
		fmt.Fprintln(w, "  settings")
		for line := range strings.Lines(settings.String()) {
			fmt.Fprintln(w, "  "+render.Visible(strings.TrimSuffix(line, "\n")))
		}
		return nil
	})
}

// makesText is what somebody with these services makes, for people.
func makesText(services []string) string {
	var made []string
	for _, s := range []struct{ service, what string }{{"meson.plugin.v1.Compute", "machines"}, {"meson.plugin.v1.Storage", "volumes"}, {"meson.plugin.v1.Images", "images"}} {
		if slices.Contains(services, s.service) {
			made = append(made, s.what)
		}
	}
	return strings.Join(made, ", ")
}
