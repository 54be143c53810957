package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/book"
)

type importFlags struct{ dryRun, yes, low bool }

func newPricesImport(a *app) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use: "import PROVIDER FILE", Short: "Use the prices of a price book in place of a provider's own",
		Example: "meson prices import gcp gcp-2026-10.yaml --dry-run\nmeson prices import gcp gcp-2026-10.yaml\nmeson prices refresh gcp --live",
		Long: "Reads a price book, a FILE of YAML (- is standard input), and puts it into use in place of\n" +
			"the provider's own list, until `meson prices refresh --live`. What is wrong with it is\n" +
			"told all at once, row by row, and then nothing changes. Changes of more than " + fmt.Sprint(pricing.Jump) + " times need a\n" +
			"yes, at the terminal or with --yes. docs/pricing.md says what a book looks like.",
		Args: arguments(2, 2),
		ValidArgsFunction: a.completeFirst(func(_ *cobra.Command, args []string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.pricesImport(cmd.Context(), args[0], args[1], f)
		},
	}
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "check it and say what would change, and change nothing")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "agree to every change")
	cmd.Flags().BoolVar(&f.low, "low", false, "take the rows of low confidence too")
	return cmd
}

func (a *app) pricesImport(ctx context.Context, provider, file string, f importFlags) error {
	data, err := a.readUpTo(ctx, file, book.MaxBytes)
	if err != nil {
		return err
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	refused := map[string]api.Consent{}
	r, err := b.ImportPrices(ctx, api.ImportRequest{
		Provider: provider, Book: data, Low: f.low, DryRun: f.dryRun, Accept: a.consent(ctx, f.yes, refused),
	})
	if err != nil {
		return inFile(err, file)
	}
	doc := struct {
		refreshDocument
		DryRun bool `json:"dry_run,omitempty"`
	}{newRefreshDocument(r), f.dryRun}
	if err := a.print(doc, func() error { return a.printImport(r, f.dryRun) }); err != nil {
		return err
	}
	a.warnStale(r.List)
	if c, no := refused[r.Provider]; no {
		command := []string{"meson prices import", quote(provider), quote(file), "--yes"}
		if f.low {
			command = append(command, "--low")
		}
		return waits("import prices", c, "nothing was imported", strings.Join(command, " "))
	}
	return nil
}

// inFile names the file in an error that tells of its faults, and puts what is
// wrong with one of its rows on one line.
func inFile(err error, file string) error {
	e, ok := err.(*core.Error)
	if !ok || len(e.Faults) == 0 {
		return err
	}
	named := *e
	named.Subject, named.Faults = fileName(file), slices.Clone(e.Faults)
	for i := range named.Faults {
		named.Faults[i].Text = strings.ReplaceAll(named.Faults[i].Text, "\n", "; ")
	}
	return &named
}

func (a *app) printImport(r api.RefreshResult, dryRun bool) error {
	list := fmt.Sprintf("book %s of %s with %s", render.Visible(r.To), day(r.List.AsOf), render.Count(r.List.SKUs, "price"))
	from := ""
	if r.From != "" && r.From != r.To {
		from = " in place of " + render.Visible(r.From)
	}
	var what string
	switch {
	case dryRun:
		what = fmt.Sprintf("%s would be used%s; nothing was changed", list, from)
	case r.Used:
		what = fmt.Sprintf("%s is in use now%s", list, from)
	default:
		what = fmt.Sprintf("%s was not imported, and %s stays in use", list, render.Visible(r.From))
	}
	if n := len(r.Changes); n > 0 {
		what += ": " + render.Count(n, "change")
	}
	if n := len(pricing.NeedConsent(r.Changes)); dryRun && n > 0 {
		what += fmt.Sprintf(", %d of which would need a yes (--yes)", n)
	}
	fmt.Fprintf(a.env.Stdout, "%s: %s\n", a.outs.bold(render.Visible(r.Provider)), what)
	return a.printChanges(r)
}
