package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newProviderRm(a *app) *cobra.Command {
	var force, yes bool
	cmd := &cobra.Command{
		Use: "rm NAME", Short: "Forget a provider; its machines and volumes must be gone",
		Example: "meson provider rm rack1\nmeson provider rm rack1 --force",
		Long: "Takes a provider out of the ledger. One that has machines or volumes of this ledger is\n" +
			"refused, and they are named: remove them first. --force is for a provider that is gone for\n" +
			"good: it forgets them too, and says so before and after. It asks no provider for anything:\n" +
			"what is still there stays there, and costs what it costs. Volumes that such a machine has of\n" +
			"other providers are kept, and `meson resume` cuts the machine off from them.",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeProviders,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.providerRm(cmd.Context(), args[0], force, yes)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "forget what the ledger has of it, too; it may still be there")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) providerRm(ctx context.Context, name string, force, yes bool) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	var forgotten []core.Forgotten
	if force {
		forgotten, err = a.forgetProvider(ctx, b, name, yes)
	} else {
		err = b.RemoveProvider(ctx, name)
	}
	if err != nil {
		return err
	}
	doc := struct {
		Name      string           `json:"name"`
		Removed   bool             `json:"removed"`
		Forgotten []core.Forgotten `json:"forgotten,omitempty"`
	}{name, true, forgotten}
	return a.print(doc, func() error {
		for _, f := range forgotten {
			fmt.Fprintf(a.env.Stdout, "forgot %s\n", render.Visible(forgottenText(f)))
		}
		_, err := fmt.Fprintf(a.env.Stdout, "removed %s\n", render.Visible(name))
		return err
	})
}

// forgetProvider tells what would be forgotten, asks, and does it.
func (a *app) forgetProvider(ctx context.Context, b api.Broker, name string, yes bool) ([]core.Forgotten, error) {
	what, err := b.ProviderHolds(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(what) > 0 && !yes {
		texts := make([]string, len(what))
		for i, f := range what {
			texts[i] = forgottenText(f)
		}
		question := fmt.Sprintf("Forget %s and, without looking whether it is gone, %s?", name, strings.Join(texts, ", "))
		if err := a.mustAgree(ctx, question, "nothing forgotten"); err != nil {
			return nil, err
		}
	}
	return what, b.ForgetProvider(ctx, name, what)
}

// forgottenText is such as "volume data (vol-1)".
func forgottenText(f core.Forgotten) string {
	id := cmp.Or(f.ProviderID, f.ID)
	switch {
	case f.What == "attachment":
		return "attachment " + f.ID + " of volume " + f.ProviderID
	case f.Name == "":
		return f.What + " " + id
	}
	return fmt.Sprintf("%s %s (%s)", f.What, f.Name, id)
}
