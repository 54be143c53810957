package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
)

func newProviderRm(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Forget a provider; its machines must be gone",
		Example:           "meson provider rm rack1",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeProviders,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.providerRm(cmd.Context(), args[0]) },
	}
}

func (a *app) providerRm(ctx context.Context, name string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	if err := b.RemoveProvider(ctx, name); err != nil {
		return err
	}
	doc := struct {
		Name    string `json:"name"`
		Removed bool   `json:"removed"`
	}{name, true}
	return a.print(doc, func() error {
		_, err := fmt.Fprintf(a.env.Stdout, "removed %s\n", render.Visible(name))
		return err
	})
}
