package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
)

// marketFlags say for how long a machine is wanted and who may provide it.
type marketFlags struct {
	horizon, maxPrice          string
	provider, region, currency string
}

func (f *marketFlags) bind(a *app, cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.horizon, "for", "month", "how long it will run, which totals are for: `2h`, 7d, 30d, 1y or month (730 h)")
	fs.StringVar(&f.provider, "provider", "", "ask only the provider of this `NAME`")
	fs.StringVar(&f.region, "region", "", "only offers in this `REGION`")
	fs.StringVar(&f.maxPrice, "max-price", "", "leave out what costs more than `PRICE`, such as 20EUR/month or 0.05EUR/h")
	fs.StringVar(&f.currency, "currency", "", "show prices in this currency, such as `EUR`, by default $MESON_CURRENCY; the order stays the same")
	_ = cmd.RegisterFlagCompletionFunc("provider", a.completeProviders)
	_ = cmd.RegisterFlagCompletionFunc("currency", cobra.FixedCompletions([]string{"EUR", "USD", "GBP", "CHF", "JPY", "SEK"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{"month", "2h", "7d", "30d", "1y"}, cobra.ShellCompDirectiveNoFileComp))
}

// currencyEnv is what --currency is where it is not given.
const currencyEnv = "MESON_CURRENCY"

// read checks the flags and gives a request with its horizon and policy set; the
// error is one of usage.
func (f *marketFlags) read(getenv func(string) string) (api.OffersRequest, error) {
	var req api.OffersRequest
	var err error
	if req.Horizon, err = pricing.ParseHorizon(f.horizon); err != nil {
		return req, usagef("the shortest is 1h, and a part of an hour counts as a whole one; a month is 730 h, 30d are 720 h", "--for: %v", err)
	}
	req.Policy.Provider, req.Policy.Region = f.provider, f.region
	currency, from := f.currency, "--currency"
	if currency == "" {
		currency, from = getenv(currencyEnv), currencyEnv
	}
	if currency != "" {
		req.Policy.Currency = strings.ToUpper(currency)
		if _, err := pricing.NewMoney("0", req.Policy.Currency); err != nil {
			return req, usagef("", "%s: %v", from, err)
		}
	}
	if f.maxPrice != "" {
		if req.Policy.Ceiling, err = pricing.ParseCeiling(f.maxPrice); err != nil {
			return req, usagef("", "--max-price: %v", err)
		}
	}
	return req, nil
}

// timeoutFlag is --timeout.
func timeoutFlag(cmd *cobra.Command, d *time.Duration) {
	cmd.Flags().DurationVar(d, "timeout", 10*time.Minute, "after this `TIME` leave it as it is, print its id and end with 8")
}

// giveUpFlag is --timeout of what takes as long as there are bytes, and leaves nothing
// where it is ended before.
func giveUpFlag(cmd *cobra.Command, d *time.Duration) {
	cmd.Flags().DurationVar(d, "timeout", 0, "after this `TIME` give up, and leave nothing (8 where that is not known); 0 for never")
}

// span is a horizon as a column's title, such as "month" or "48h".
func span(hours int) string {
	if hours == pricing.HoursPerMonth {
		return "month"
	}
	return fmt.Sprintf("%dh", hours)
}
