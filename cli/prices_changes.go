package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
)

// mostChanges is how many changes of a list are shown before the rest is left to
// `prices diff`; those that need a yes come first then.
const mostChanges = 30

// changesGrid is the table of what differs between two lists.
func changesGrid(changes []pricing.Change, s style) *render.Grid {
	columns := []render.Column{
		{Title: "SKU"}, {Title: "CHANGE"}, {Title: "BEFORE", Fold: 16}, {Title: "AFTER", Fold: 16},
	}
	asks := len(pricing.NeedConsent(changes)) > 0
	if asks {
		columns = append(columns, render.Column{Title: "NEEDS A YES", Drop: 1})
	}
	g := render.NewGrid(columns...)
	for _, c := range changes {
		row := []string{c.SKU, render.Change(c), render.ChangedPrice(c.Old, c.New), render.ChangedPrice(c.New, c.Old)}
		if asks {
			row = append(row, c.Consent)
		}
		g.Add(row...)
	}
	g.Paint("SKU", s.bold)
	g.Paint("NEEDS A YES", s.yellow)
	return g
}

// printChanges prints the changes of a result, and where the rest of them is.
func (a *app) printChanges(r api.RefreshResult) error {
	if len(r.Changes) == 0 {
		return nil
	}
	shown := r.Changes
	if len(shown) > mostChanges {
		shown = slices.Clone(shown)
		slices.SortStableFunc(shown, func(x, y pricing.Change) int {
			return min(len(y.Consent), 1) - min(len(x.Consent), 1)
		})
		shown = shown[:mostChanges]
	}
	if err := a.grid(changesGrid(shown, a.outs)); err != nil {
		return err
	}
	if more := len(r.Changes) - len(shown); more > 0 {
		all := "-o json"
		if r.List.State != api.ListUnkept {
			all = "`" + strings.Join([]string{"meson prices diff", quote(r.Provider), quote(r.From), quote(r.To)}, " ") + "`"
		}
		fmt.Fprintf(a.env.Stdout, "and %d more: %s shows all\n", more, render.Visible(all))
	}
	return nil
}

// consent is how the yes to changes of prices is had: by --yes, or from a person
// at a terminal, or not at all. What is refused stands in refused, by provider.
func (a *app) consent(ctx context.Context, yes bool, refused map[string]api.Consent) func(api.Consent) (bool, error) {
	return func(c api.Consent) (bool, error) {
		if yes {
			return true, nil
		}
		agreed := false
		if a.asks() {
			grid := changesGrid(c.Changes, a.errs).Render(a.width(a.env.Terminal.Stderr), a.plain())
			a.job.say(render.Visible(fmt.Sprintf("%s: list %s changes these prices against %s in a way that needs your yes:", c.Provider, c.To, c.From)))
			a.job.say(strings.TrimSuffix(grid, "\n"))
			var err error
			if agreed, err = a.agree(ctx, fmt.Sprintf("Use these prices of %s?", render.Visible(c.Provider))); err != nil {
				return false, err
			}
		}
		if !agreed {
			refused[c.Provider] = c
		}
		return agreed, nil
	}
}

// waits is the error of a list that waits for a yes; command gives it.
func waits(op string, c api.Consent, stays, command string) error {
	text, agrees := fmt.Sprintf("%d changes need a yes, the first of them", len(c.Changes)), "agrees to all of them"
	if len(c.Changes) == 1 {
		text, agrees = "1 change needs a yes", "agrees to it"
	}
	return &core.Error{
		Kind: core.Conflict, Op: op, Subject: "provider " + c.Provider,
		Text: fmt.Sprintf("%s: %s %s; %s", text, c.Changes[0].SKU, c.Changes[0].Consent, stays),
		Hint: fmt.Sprintf("`%s` %s", command, agrees),
	}
}
