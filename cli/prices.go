package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newPrices(a *app) *cobra.Command {
	return parent("prices", "See, renew and import what everything costs",
		"meson prices ls\nmeson prices show rack1\nmeson prices refresh",
		newPricesLs(a), newPricesShow(a), newPricesRefresh(a), newPricesImport(a), newPricesDiff(a), newPricesRates(a), newPricesTerms(a))
}

// completeFirst completes a provider's name as the first argument, and what
// rest gives after it.
func (a *app) completeFirst(rest func(cmd *cobra.Command, args []string) ([]string, cobra.ShellCompDirective)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return a.completeProviders(cmd, args, prefix)
		}
		return rest(cmd, args)
	}
}

// nothingMore completes nothing after the first argument.
func nothingMore(*cobra.Command, []string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeRevisions are those of the price lists of the provider in the first
// argument.
func (a *app) completeRevisions(cmd *cobra.Command, args []string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd.Context(), func(ctx context.Context, b api.Broker) ([]string, error) {
		infos, err := b.PriceLists(ctx, args[0])
		var revisions []string
		for _, i := range infos {
			revisions = append(revisions, i.Revision)
		}
		return without(revisions, args[1:]), err
	})
}

// first is the first argument, or nothing.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// warn says what a person should know and need not act on.
func (a *app) warn(text string) {
	a.job.say(a.errs.yellow("warning:") + " " + render.Visible(text))
}

// readUpTo reads the file, "-" being standard input, of at most most bytes.
func (a *app) readUpTo(ctx context.Context, file string, most int64) ([]byte, error) {
	if file != "-" {
		return readWhile(ctx, func() ([]byte, error) { return readBounded(file, most) })
	}
	data, err := readWhile(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.env.Stdin, most+1)) })
	if err == nil && int64(len(data)) > most {
		err = &core.Error{Kind: core.Invalid, Op: "read", Subject: "standard input", Text: fmt.Sprintf("longer than %d KiB", most>>10)}
	}
	return data, err
}

// fileName is what a file is called in messages.
func fileName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// faultsIn are the single errors that an error joins.
func faultsIn(err error) []core.Fault {
	for e := err; e != nil; e = errors.Unwrap(e) {
		many, ok := e.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		var faults []core.Fault
		for _, each := range many.Unwrap() {
			faults = append(faults, core.Fault{Text: each.Error()})
		}
		return faults
	}
	return []core.Fault{{Text: err.Error()}}
}
