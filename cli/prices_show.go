package cli

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
)

type pricesShowFlags struct{ revision, sku, kind string }

func newPricesShow(a *app) *cobra.Command {
	var f pricesShowFlags
	cmd := &cobra.Command{
		Use: "show PROVIDER", Short: "Show what a provider's SKUs cost, and how time is billed",
		Example: "meson prices show rack1\nmeson prices show gcp --sku 'n2-*@us-central1' --kind compute\nmeson prices show gcp --revision book-2026-10-28 -o json",
		Long: "Shows the prices of a provider's list in use, or else of the last one seen, each with\n" +
			"its unit, its rules of billing, its source and the date it is from. Amounts are exact.",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeFirst(nothingMore),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.pricesShow(cmd.Context(), args[0], f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.revision, "revision", "", "show the list of this `REVISION`")
	fs.StringVar(&f.sku, "sku", "", "only SKUs that match `GLOB`, in which * is any text and ? any character")
	fs.StringVar(&f.kind, "kind", "", "only prices of this `KIND`, such as compute or disk")
	_ = cmd.RegisterFlagCompletionFunc("revision", func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.completeRevisions(cmd, args)
	})
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(priceKinds(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// priceKinds are the kinds that a SKU can have.
func priceKinds() []string {
	var kinds []string
	for _, k := range []pricing.Kind{
		pricing.KindCompute, pricing.KindMemory, pricing.KindAccelerator, pricing.KindDisk, pricing.KindAddress, pricing.KindTraffic,
		pricing.KindLicence, pricing.KindSnapshot,
	} {
		kinds = append(kinds, string(k))
	}
	return kinds
}

func (a *app) pricesShow(ctx context.Context, provider string, f pricesShowFlags) error {
	if f.kind != "" && !slices.Contains(priceKinds(), f.kind) {
		return usagef("", "--kind: want one of %s, not %q", strings.Join(priceKinds(), ", "), f.kind)
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	list, info, err := b.PriceList(ctx, provider, f.revision)
	if err != nil {
		return err
	}
	prices := f.matching(list.Prices)
	if len(prices) == 0 {
		return &core.Error{Kind: core.NotFound, Subject: "price list " + info.Revision + " of " + provider, Text: "no price of it matches", Hint: "`meson prices show " + quote(provider) + "` shows all"}
	}
	doc := struct {
		api.PriceListInfo
		Prices []render.ListedPrice `json:"prices"`
	}{listDocument(info), []render.ListedPrice{}}
	for i := range prices {
		doc.Prices = append(doc.Prices, render.NewListedPrice(&prices[i], list.Source, list.AsOf))
	}
	if err := a.print(doc, func() error { return a.printPrices(info, prices, doc.Prices) }); err != nil {
		return err
	}
	a.warnStale(info)
	return nil
}

// matching are the prices that the flags ask for.
func (f pricesShowFlags) matching(prices []pricing.Price) []pricing.Price {
	skus := glob(cmp.Or(f.sku, "*"))
	return slices.DeleteFunc(slices.Clone(prices), func(p pricing.Price) bool {
		return f.kind != "" && string(p.Kind) != f.kind || !skus.MatchString(p.SKU)
	})
}

// glob is a pattern in which * is any text, slashes too, and ? any character.
func glob(pattern string) *regexp.Regexp {
	text := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("(?s)^" + text + "$")
}

func (a *app) printPrices(info api.PriceListInfo, prices []pricing.Price, docs []render.ListedPrice) error {
	fmt.Fprintf(a.env.Stdout, "%s\n", render.Visible(listLine(info)))
	g := render.NewGrid(
		render.Column{Title: "SKU"}, render.Column{Title: "KIND", Drop: 3}, render.Column{Title: "AMOUNT", Right: true}, render.Column{Title: "UNIT"},
		render.Column{Title: "BILLING", Drop: 1, Fold: 24}, render.Column{Title: "SOURCE", Drop: 5, Fold: 16},
		render.Column{Title: "DATE", Drop: 4}, render.Column{Title: "CONFIDENCE", Drop: 6},
	)
	for i, d := range docs {
		amount := prices[i].Amount.String()
		if prices[i].Amount.Sign() == 0 {
			amount += ", free"
		}
		g.Add(d.SKU, d.Kind, amount, d.Unit, render.Billing(d.Billing, prices[i].Unit), cmp.Or(d.Source, "-"), day(d.AsOf), cmp.Or(d.Confidence, "-"))
	}
	g.Paint("SKU", a.outs.bold)
	return a.grid(g)
}

// listLine is a list in a few words.
func listLine(i api.PriceListInfo) string {
	line := fmt.Sprintf("%s: price list %s, %s, of %s, %s", i.Provider, i.Revision, cmp.Or(i.Source, "no source"), day(i.AsOf), i.State)
	if !i.UsedSince.IsZero() {
		line += " since " + render.Time(i.UsedSince)
	}
	return line
}

// warnStale warns of a list in use whose prices are old.
func (a *app) warnStale(i api.PriceListInfo) {
	if i.Stale {
		a.warn(fmt.Sprintf("prices of list %s of %s are up to %d days old (oldest of %s)", i.Revision, i.Provider, i.AgeDays, day(i.OldestAsOf)))
	}
}
