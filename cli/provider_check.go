package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core"
)

func newProviderTest(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "test NAME", Short: "Try what a provider answers and what its credentials allow",
		Example:           "meson provider test rack1",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeProviders,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitDenied, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.providerTest(cmd.Context(), args[0]) },
	}
}

func (a *app) providerTest(ctx context.Context, name string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	checks, err := b.TestProvider(ctx, name)
	if err != nil {
		a.sayChecks(checks)
		return err
	}
	doc := append([]core.CheckItem{}, checks...)
	if err := a.print(doc, func() error { return a.grid(checksGrid(checks, a.outs)) }); err != nil {
		return err
	}
	if slices.ContainsFunc(checks, func(c core.CheckItem) bool { return c.Verdict == core.VerdictFailed }) {
		return &core.Error{Kind: core.Unavailable, Op: "test", Subject: "provider " + name, Text: "a check failed"}
	}
	return nil
}
