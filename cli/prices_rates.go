package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing/fx"
)

func newPricesRates(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "rates", Short: "Show the exchange rates in use, and get newer ones",
		Example: "meson prices rates\nmeson prices rates fetch\nmeson prices rates import eurofxref-daily.xml",
		Long: "Shows by which exchange rates offers are compared and converted, of which day they are\n" +
			"and where they are from. " + fmt.Sprintf("From %d days on they are stale. ", api.StaleRatesDays+1) + "Those that are built in serve until\nothers are fetched or imported.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		},
		Annotations: exits(exitOK, exitError, exitUsage, exitInterrupted),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.rates(cmd.Context(), func(ctx context.Context, b api.Broker) (api.RatesInfo, error) { return b.Rates(ctx) })
		},
	}
	cmd.Annotations["alone"] = "it does something without one of its commands"
	cmd.AddCommand(newRatesFetch(a), newRatesImport(a))
	return cmd
}

func newRatesFetch(a *app) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use: "fetch", Short: "Get the day's reference rates of the European Central Bank",
		Example: "meson prices rates fetch\nmeson prices rates fetch --url file:///var/lib/rates/eurofxref-daily.xml",
		Long: "Fetches the ECB's daily reference rates and uses them from now on. They are published\n" +
			"on working days about 16:00 CET. What cannot be fetched or read changes nothing.",
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitConflict, exitInterrupted),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.rates(cmd.Context(), func(ctx context.Context, b api.Broker) (api.RatesInfo, error) { return b.FetchRates(ctx, address) })
		},
	}
	cmd.Flags().StringVar(&address, "url", "", "where the ECB's daily XML is, an https or file `URL` (default: the ECB)")
	return cmd
}

func newRatesImport(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Use the rates in a file of the European Central Bank",
		Example: "meson prices rates import eurofxref-daily.xml\ncurl " + fx.ECB + " | meson prices rates import -",
		Long: "Reads the ECB's daily XML from a FILE (- is standard input) and uses its rates from now\n" +
			"on. Rates of a day before those in use are a conflict; what is wrong changes nothing.",
		Args:        arguments(1, 1),
		Annotations: exits(exitOK, exitError, exitUsage, exitConflict, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := a.readUpTo(cmd.Context(), args[0], fx.MaxBytes)
			if err != nil {
				return err
			}
			source := "ECB euro reference rates, " + filepath.Base(fileName(args[0]))
			return a.rates(cmd.Context(), func(ctx context.Context, b api.Broker) (api.RatesInfo, error) { return b.PutRates(ctx, data, source) })
		},
	}
}

// rates prints the rates that a question to the broker gives.
func (a *app) rates(ctx context.Context, ask func(context.Context, api.Broker) (api.RatesInfo, error)) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	info, err := ask(ctx, b)
	if err != nil {
		return err
	}
	info.AsOf = info.AsOf.UTC()
	if err := a.print(info, func() error { return a.printRates(info) }); err != nil {
		return err
	}
	if info.Stale {
		a.warn(fmt.Sprintf("the exchange rates are of %s, %d days old: `meson prices rates fetch` gets newer ones", day(info.AsOf), info.AgeDays))
	}
	return nil
}

func (a *app) printRates(info api.RatesInfo) error {
	w := a.env.Stdout
	age := render.Count(info.AgeDays, "day") + " old"
	if info.Stale {
		age = a.outs.yellow(age + ", stale")
	}
	if info.Pinned {
		age += ", built in"
	}
	fmt.Fprintf(w, "exchange rates of %s (%s)\n", day(info.AsOf), age)
	fmt.Fprintf(w, "%s\n", render.Visible(info.Source))
	g := render.NewGrid(render.Column{Title: "CURRENCY"}, render.Column{Title: "FOR 1 " + info.Base, Right: true})
	for _, code := range slices.Sorted(maps.Keys(info.Rates)) {
		g.Add(code, info.Rates[code])
	}
	g.Paint("CURRENCY", a.outs.bold)
	return a.grid(g)
}
