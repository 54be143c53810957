package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/terms"
)

func newPricesTerms(a *app) *cobra.Command {
	return parent("terms", "Fees, discounts and contract prices on top of the lists",
		"meson prices terms show\nmeson prices terms set --provider gcp contract.yaml\nmeson prices terms clear --provider gcp",
		newTermsShow(a), newTermsSet(a), newTermsClear(a))
}

// providerFlag is --provider of terms.
func (a *app) providerFlag(cmd *cobra.Command, provider *string) {
	cmd.Flags().StringVar(provider, "provider", "", "what is agreed with the provider of this `NAME` (default: your own fee on everything)")
	_ = cmd.RegisterFlagCompletionFunc("provider", a.completeProviders)
}

func newTermsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show [PROVIDER]", Short: "Show what is agreed on top of the price lists",
		Example: "meson prices terms show\nmeson prices terms show gcp -o yaml",
		Long: "Shows the rules that change what quotes come to, of one provider or of all, and the\n" +
			"operator's own. They apply in the order of the table: each provider's own rules by\n" +
			"stage, then the operator's.",
		Args:              arguments(0, 1),
		ValidArgsFunction: a.completeFirst(nothingMore),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.termsShow(cmd.Context(), first(args)) },
	}
}

func newTermsSet(a *app) *cobra.Command {
	var provider string
	cmd := &cobra.Command{
		Use: "set FILE", Short: "Agree on fees, discounts and contract prices",
		Example: "meson prices terms set fee.yaml\nmeson prices terms set --provider gcp contract.yaml\n" +
			"echo 'rules: [{name: fee, stage: operator_fee, percent: 7}]' | meson prices terms set -",
		Long: "Reads terms from a FILE of YAML (- is standard input) and puts them in place of those that\n" +
			"stand. With --provider they are that provider's: contract, discount, rebate,\n" +
			"provider_fee. Without it they are the operator's: operator_fee. docs/pricing.md has an\n" +
			"example of each. What is wrong is told all at once, and changes nothing.",
		Args:        arguments(1, 1),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:        func(cmd *cobra.Command, args []string) error { return a.termsSet(cmd.Context(), provider, args[0]) },
	}
	a.providerFlag(cmd, &provider)
	return cmd
}

func newTermsClear(a *app) *cobra.Command {
	var provider string
	cmd := &cobra.Command{
		Use: "clear", Short: "End what was agreed", Example: "meson prices terms clear\nmeson prices terms clear --provider gcp",
		Long:        "Removes the operator's terms, or those of a provider, and prints what they were.",
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.termsClear(cmd.Context(), provider) },
	}
	a.providerFlag(cmd, &provider)
	return cmd
}

// termsDocument is what is agreed with a provider, or with an empty one what the
// operator takes, as programs read it.
type termsDocument struct {
	Provider string         `json:"provider"`
	TaxNote  string         `json:"tax_note,omitempty"`
	Rules    []pricing.Rule `json:"rules"`
}

func newTermsDocument(provider string, t pricing.Terms) termsDocument {
	return termsDocument{Provider: provider, TaxNote: t.TaxNote, Rules: append([]pricing.Rule{}, t.Rules...)}
}

func (a *app) termsShow(ctx context.Context, provider string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	all, err := b.Terms(ctx)
	if err != nil {
		return err
	}
	if provider != "" {
		if _, err := b.PriceLists(ctx, provider); err != nil {
			return err
		}
		maps.DeleteFunc(all, func(scope string, _ pricing.Terms) bool { return scope != provider })
	}
	docs := []termsDocument{}
	for _, scope := range slices.SortedFunc(maps.Keys(all), operatorLast) {
		docs = append(docs, newTermsDocument(scope, all[scope]))
	}
	return a.print(docs, func() error { return a.printTerms(docs) })
}

func (a *app) termsSet(ctx context.Context, provider, file string) error {
	data, err := a.readUpTo(ctx, file, terms.MaxBytes)
	if err != nil {
		return err
	}
	t, err := terms.Parse(data)
	if err != nil {
		return inFile(&core.Error{Kind: core.Invalid, Op: "read terms", Faults: faultsIn(err)}, file)
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	if err := b.PutTerms(ctx, provider, t); err != nil {
		return inFile(err, file)
	}
	return a.printTermsOf(provider, t)
}

func (a *app) termsClear(ctx context.Context, provider string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	all, err := b.Terms(ctx)
	if err != nil {
		return err
	}
	if err := b.PutTerms(ctx, provider, pricing.Terms{}); err != nil {
		return err
	}
	was, there := all[provider]
	if there {
		a.job.say("no longer agreed:")
	}
	return a.printTermsOf(provider, was)
}

// printTermsOf prints the terms of one scope.
func (a *app) printTermsOf(provider string, t pricing.Terms) error {
	doc := newTermsDocument(provider, t)
	return a.print(doc, func() error {
		if t.IsZero() {
			a.job.say("no terms of " + render.Visible(scopeName(provider)))
			return nil
		}
		return a.printTerms([]termsDocument{doc})
	})
}

// operatorLast orders scopes as their rules apply.
func operatorLast(x, y string) int {
	if x == "" || y == "" {
		return cmp.Compare(len(y), len(x))
	}
	return cmp.Compare(x, y)
}

// byStage are rules in the order in which they apply.
func byStage(rules []pricing.Rule) []pricing.Rule {
	order := []pricing.Stage{
		pricing.StageContract, pricing.StageDiscount, pricing.StageRebate, pricing.StageProviderFee, pricing.StageOperatorFee,
	}
	return slices.SortedStableFunc(slices.Values(rules), func(x, y pricing.Rule) int {
		return cmp.Compare(slices.Index(order, x.Stage), slices.Index(order, y.Stage))
	})
}

// scopeName is whose terms they are.
func scopeName(provider string) string { return cmp.Or(provider, "operator") }

func (a *app) printTerms(docs []termsDocument) error {
	rules := 0
	g := render.NewGrid(
		render.Column{Title: "OF"}, render.Column{Title: "STAGE"}, render.Column{Title: "RULE"}, render.Column{Title: "WHAT", Right: true},
		render.Column{Title: "ON", Fold: 20}, render.Column{Title: "FROM", Drop: 2}, render.Column{Title: "UNTIL", Drop: 1},
	)
	for _, d := range docs {
		for _, r := range byStage(d.Rules) {
			rules++
			g.Add(scopeName(d.Provider), string(r.Stage), r.Name, render.RuleText(&r), cmp.Or(render.RuleScope(&r), "everything"), day(r.From), day(r.Until))
		}
	}
	g.Paint("RULE", a.outs.bold)
	if rules > 0 {
		if err := a.grid(g); err != nil {
			return err
		}
	}
	for _, d := range docs {
		if d.TaxNote != "" {
			fmt.Fprintf(a.env.Stdout, "tax note of %s: %s\n", render.Visible(scopeName(d.Provider)), render.Visible(d.TaxNote))
		}
	}
	if len(docs) == 0 {
		a.job.say("nothing is agreed: quotes are what the price lists say")
	}
	return nil
}
