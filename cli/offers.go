package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

type offersFlags struct {
	spec    specFlags
	market  marketFlags
	whyNot  bool
	limit   int
	explain string
}

func newOffers(a *app) *cobra.Command {
	var f offersFlags
	cmd := &cobra.Command{
		Use:   "offers {SPEC | --explain ID}",
		Short: "Ask every provider for a spec and compare what they offer",
		Example: "meson offers web.json\nmeson offers web.json --for 7d --max-price 20EUR/month -o json\n" +
			"meson offers - --set ramsize=2048 --currency USD <web.json\nmeson offers --explain q7k2m",
		Long: "Asks every configured provider, all at the same time, for the machine in the file\n" +
			"SPEC (- is standard input). Prints the offers, best first, then why others said no\n" +
			"and what smaller wish they would have met. An offer without a number can be priced and\n" +
			"not bought.\n\n" +
			"--explain prints the arithmetic of an offer that was shown in the last 30 days, line by\n" +
			"line, without asking anybody.\n\n" + render.RoundingRule,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.explain != "" {
				return arguments(0, 0)(cmd, args)
			}
			return arguments(1, 1)(cmd, args)
		},
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitNoOffer, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.explain != "" {
				return a.explainOffer(cmd, f.explain)
			}
			return a.offers(cmd.Context(), args[0], f)
		},
	}
	f.spec.bind(cmd)
	f.market.bind(a, cmd)
	cmd.Flags().BoolVar(&f.whyNot, "why-not", false, "show every reason of those who said no, in JSON as rows of their own")
	cmd.Flags().IntVar(&f.limit, "limit", 0, "show at most `N` offers, 0 for all")
	cmd.Flags().StringVar(&f.explain, "explain", "", "print the arithmetic of the offer with this `ID`, or the only one that begins so")
	return cmd
}

func (a *app) offers(ctx context.Context, file string, f offersFlags) error {
	req, err := f.market.read(a.env.Getenv)
	if err != nil {
		return err
	}
	if f.limit < 0 {
		return usagef("", "--limit: want 0 or more, not %d", f.limit)
	}
	if req.Pledge, err = a.pledge(ctx, file, f.spec); err != nil {
		return err
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	req.Limit = f.limit
	if a.format == render.Table && a.job.live {
		req.OnAnswer = func(ans core.Answer) { a.job.say(answered(ans)) }
	}
	res, err := b.Offers(ctx, req)
	if added, ferr := a.firstRun(ctx, b, err); added {
		res, err = b.Offers(ctx, req)
	} else {
		err = ferr
	}
	if err != nil {
		return err
	}
	if err := a.printOffers(res, f.whyNot); err != nil {
		return err
	}
	for _, w := range res.Warnings {
		a.warn(w)
	}
	if len(res.Quotes) == 0 {
		return a.nobody(res)
	}
	return nil
}

func (a *app) printOffers(res api.OffersResult, whyNot bool) error {
	rows := render.NewWhyNots(res.Reasons, res.Failures)
	docs := render.NewOffers(res.Quotes)
	if whyNot {
		for _, r := range rows {
			docs = append(docs, r)
		}
	}
	return a.print(docs, func() error {
		if len(res.Quotes) > 0 {
			if err := a.grid(offersGrid(res.Quotes, a.outs)); err != nil {
				return err
			}
			for _, line := range basis(res) {
				fmt.Fprintln(a.env.Stdout, line)
			}
		}
		most := mostReasons
		if whyNot {
			most = 0
		}
		for _, line := range whyNots(rows, most, a.outs) {
			fmt.Fprintln(a.env.Stdout, line)
		}
		return nil
	})
}

// nobody is the error of a pledge without offers. Programs, which have no table
// of reasons before them, find them in its faults.
func (a *app) nobody(res api.OffersResult) error {
	e := core.Errorf(core.NoOffer, "nobody offers this")
	if a.format != render.Table {
		for _, r := range res.Reasons {
			e.Faults = append(e.Faults, core.Fault{Path: r.Provider, Have: r.Have, Want: r.Want, Text: r.Text})
		}
	}
	fits := slices.DeleteFunc(slices.Clone(res.Reasons), func(r core.Reason) bool { return r.Relax == "" })
	switch len(fits) {
	case 0:
	case 1:
		e.Hint = fmt.Sprintf("%s would offer it with %s", fits[0].Provider, fits[0].Relax)
	default:
		e.Hint = "the reasons say what would fit"
		if a.format != render.Table {
			e.Hint = "--why-not says what would fit"
		}
	}
	return e
}
