package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
)

// explainOffer is --explain, which goes with no other flag of the command.
func (a *app) explainOffer(cmd *cobra.Command, id string) error {
	var others []string
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed && f.Name != "explain" {
			others = append(others, "--"+f.Name)
		}
	})
	if len(others) > 0 {
		return usagef("", "--explain shows an offer as it was made: it does not go with %s", strings.Join(others, ", "))
	}
	return a.explain(cmd.Context(), id)
}

func (a *app) explain(ctx context.Context, id string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	q, err := b.Quote(ctx, id)
	if err != nil {
		return err
	}
	doc := render.Explanation{
		Offer: render.NewOffer(q.Quote), ShownAt: q.ShownAt.UTC(), Expired: q.Expired,
		Recomputed: q.Recomputed, NotRecomputed: q.NotRecomputed,
	}
	return a.print(doc, func() error { return a.printExplanation(q) })
}

// printExplanation prints a quote's table for people, the arithmetic of its lines
// by their numbers, exact, and what else it was computed by.
func (a *app) printExplanation(q api.QuoteInfo) error {
	w, p := a.env.Stdout, &q.Price
	fmt.Fprintf(w, "%s: %s for %d h\n", a.outs.bold(render.Visible(q.ID)), render.Visible(strings.Join(strings.Fields(fmt.Sprintf("%s at %s %s, %s, %s, %s",
		cmp.Or(q.Shape, "own"), q.Provider, where(q.Offer), render.Count(q.VCPUs, "vCPU"), render.Memory(q.MemoryMiB), q.Arch)), " ")), p.ForHours)
	binds := "binds until " + render.Time(q.ExpiresAt)
	if q.Expired {
		binds = "no longer binds"
	}
	if q.QuoteOnly != "" {
		binds = "cannot be bought: " + q.QuoteOnly
	}
	field(w, "shown", render.Time(q.ShownAt)+", "+render.Visible(binds))
	checked := fmt.Sprintf("computed again from list %s: the same to the last digit", p.ListRevision)
	if !q.Recomputed {
		checked = "not computed again: " + q.NotRecomputed
	}
	field(w, "checked", render.Visible(checked))
	if err := a.grid(explainGrid(p, a.outs)); err != nil {
		return err
	}
	fmt.Fprintln(w, "arithmetic, exact")
	for i := range p.Lines {
		fmt.Fprintf(w, "  %2d  %s\n", i+1, render.Visible(render.Arithmetic(p, &p.Lines[i])))
	}
	for _, line := range render.Sums(p) {
		fmt.Fprintf(w, "      %s\n", render.Visible(line))
	}
	if included := render.IncludedItems(p); included != "" {
		fmt.Fprintf(w, "included\n      %s\n", render.Visible(included))
	}
	fmt.Fprintln(w, "billing")
	for _, line := range render.BillingRules(p) {
		fmt.Fprintf(w, "      %s\n", render.Visible(line))
	}
	if render.Monthly(p) {
		fmt.Fprintf(w, "%s\n", a.outs.dim(render.MonthRule))
	}
	_, err := fmt.Fprintf(w, "%s\n", a.outs.dim(render.RoundingRule))
	return err
}

// explainGrid is the table of a quote's lines and their sum, native and as they
// were converted.
func explainGrid(p *pricing.Quote, s style) *render.Grid {
	columns := []render.Column{{Title: "#", Right: true}, {Title: "KIND"}, {Title: "ITEM", Fold: 16}}
	codes := []string{p.Native().Currency()}
	if p.FX != nil {
		codes = append(codes, p.Currency)
	}
	for _, code := range codes {
		// Hours go first where it is narrow: the arithmetic has them too.
		columns = append(columns, render.Column{Title: code + "/hour", Right: true, Drop: 3}, render.Column{Title: code + "/" + span(p.ForHours), Right: true})
	}
	columns = append(columns, render.Column{Title: "SOURCE", Drop: 2, Fold: 16}, render.Column{Title: "DATE", Drop: 1})
	g := render.NewGrid(columns...)
	for i := range p.Lines {
		l := &p.Lines[i]
		row := []string{strconv.Itoa(i + 1), string(l.Kind), render.Item(l)}
		amounts := []string{render.Amount(l.Hour), render.Amount(l.Total)}
		if l.Native != nil {
			amounts = slices.Concat([]string{render.Amount(l.Native.Hour), render.Amount(l.Native.Total)}, amounts)
		}
		for i := range amounts {
			switch {
			case l.Kind == pricing.KindTax:
				amounts[i] = "-"
			case l.Quantity.Included:
				amounts[i] = "included"
			}
		}
		source, date := l.Source, day(l.AsOf)
		if l.Rule != nil {
			source, date = "terms", day(l.Rule.From)
		}
		g.Add(append(append(row, amounts...), cmp.Or(source, "-"), date)...)
	}
	native := p.NativeAmounts()
	sum := []string{"", "sum", "", render.Amount(native.Hour), render.Amount(native.Total)}
	if p.FX != nil {
		sum = append(sum, render.Amount(p.Hour), render.Amount(p.Total))
	}
	g.Add(append(sum, "", "")...)
	g.Paint("KIND", s.bold)
	return g
}
