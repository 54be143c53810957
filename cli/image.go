package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
)

// imageName is what help texts say of an image's name.
const imageName = "IMAGE is an image's id or its name; PROVIDER/IMAGE is that provider's."

func newImage(a *app) *cobra.Command {
	return parent("image", "Images at storage providers, which volumes are made from",
		"meson image import debian https://cloud.debian.org/…/debian-12.qcow2 --sha256 6ab5… --provider vault1\nmeson image ls",
		newImageImport(a), newImageLs(a), newImageRm(a))
}

func newImageLs(a *app) *cobra.Command {
	var provider string
	var ours bool
	cmd := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List images as their providers see them now",
		Example: "meson image ls\nmeson image ls --provider vault1 -o json",
		Long: "Lists the images of every storage provider that takes some, asked now. Where one does not\n" +
			"answer the command ends with 1.",
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.imageLs(cmd.Context(), provider, ours) },
	}
	cmd.Flags().StringVar(&provider, "provider", "", "only those at the provider of this `NAME`")
	cmd.Flags().BoolVar(&ours, "ours", false, "only those that this ledger imported")
	_ = cmd.RegisterFlagCompletionFunc("provider", a.completeProviders)
	return cmd
}

func (a *app) imageLs(ctx context.Context, provider string, ours bool) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	all, failures, err := b.ListImages(ctx, provider)
	if err != nil {
		return err
	}
	docs := make([]render.Image, 0, len(all))
	for _, i := range all {
		if i.Ours || !ours {
			docs = append(docs, render.NewImage(i.Image, i.Ours))
		}
	}
	if err := a.print(docs, func() error {
		if len(docs) == 0 {
			_, err := fmt.Fprintln(a.env.Stderr, "no images")
			return err
		}
		return a.grid(a.imagesGrid(docs))
	}); err != nil {
		return err
	}
	return unanswered(failures)
}

func (a *app) imagesGrid(docs []render.Image) *render.Grid {
	g := render.NewGrid(
		render.Column{Title: "NAME", Fold: 16}, render.Column{Title: "ID", Fold: 12}, render.Column{Title: "STATE"}, render.Column{Title: "SIZE", Right: true, Drop: 2},
		render.Column{Title: "OS", Drop: 4}, render.Column{Title: "PROVIDER"}, render.Column{Title: "ZONE", Drop: 3}, render.Column{Title: "AGE", Right: true, Drop: 1},
	)
	now := a.env.Now()
	for _, d := range docs {
		age := "-"
		if !d.CreatedAt.IsZero() {
			age = render.Age(now.Sub(d.CreatedAt))
		}
		os := strings.TrimSpace(d.OS.Family + " " + d.OS.Flavour)
		g.Add(cmp.Or(d.Name, "-"), d.ID, d.State, sizeText(d.SizeBytes), cmp.Or(os, "-"), d.Provider, cmp.Or(d.Zone, d.Region, "-"), age)
	}
	g.Paint("NAME", a.outs.bold)
	g.Paint("STATE", a.outs.volumeState)
	return g
}

// imageLines tell a person of one image.
func (a *app) imageLines(d render.Image) {
	w := a.env.Stdout
	fmt.Fprintf(w, "%s (%s) is %s at %s\n", a.outs.bold(render.Visible(cmp.Or(d.Name, d.ID))), render.Visible(d.ID), a.outs.volumeState(d.State),
		render.Visible(strings.TrimSpace(d.Provider+" "+cmp.Or(d.Zone, d.Region))))
	field(w, "size", sizeText(d.SizeBytes))
	if d.SHA256 != "" {
		field(w, "sha256", render.Visible(d.SHA256))
	}
	if d.Message != "" {
		field(w, "message", render.Visible(d.Message))
	}
}

func (a *app) completeImages(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd.Context(), func(ctx context.Context, b api.Broker) ([]string, error) {
		list, _, err := b.ListImages(ctx, "")
		var names []string
		for _, i := range list {
			names = append(names, cmp.Or(i.Name, i.ID))
		}
		return without(names, args), err
	})
}
