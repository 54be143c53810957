package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
)

// printMachine tells a person of one machine in a few lines.
func (a *app) printMachine(ctx context.Context, alloc core.Allocation, dryRun bool) error {
	w, s := a.env.Stdout, a.outs
	name := render.Visible(cmp.Or(alloc.Name, alloc.ID))
	if dryRun && alloc.ID == "" {
		fmt.Fprintf(w, "%s would be made", s.bold(cmp.Or(name, "a machine")))
	} else {
		fmt.Fprintf(w, "%s (%s) is %s", s.bold(name), render.Visible(alloc.ID), s.state(string(alloc.State)))
	}
	if q := alloc.Offer; q != nil {
		fmt.Fprintf(w, " on %s", render.Visible(strings.TrimSpace(q.Provider+" "+where(q.Offer))))
	}
	fmt.Fprintln(w)
	if alloc.Message != "" {
		field(w, "message", render.Visible(alloc.Message))
	}
	if i := alloc.Instance; i != nil && i.Message != "" && i.Message != alloc.Message && alloc.State != core.Gone {
		field(w, "message", render.Visible(i.Message))
	}
	if !alloc.State.Final() {
		a.machineFields(alloc)
	}
	switch {
	case dryRun, alloc.State.Final():
	case alloc.State == core.Running:
		if a.hasConsole(ctx, alloc) {
			field(w, "console", fmt.Sprintf("`meson console %s`", name))
		}
		field(w, "remove", fmt.Sprintf("`meson rm %s`", name))
	default:
		field(w, "remove", fmt.Sprintf("`meson rm %s`", name))
	}
	return nil
}

// hasConsole reports whether the plugin of a machine's provider serves consoles;
// false where it does not say so soon.
func (a *app) hasConsole(ctx context.Context, alloc core.Allocation) bool {
	// What ended the command may have ended its context too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	b, err := a.open(ctx)
	if err != nil || alloc.Offer == nil {
		return false
	}
	info, err := b.Provider(ctx, alloc.Offer.Provider)
	return err == nil && info.Description != nil &&
		slices.ContainsFunc(info.Description.Services, func(s string) bool { return strings.HasSuffix(s, ".Console") })
}

// machineFields are what show and deploy both tell: shape, price, addresses.
func (a *app) machineFields(alloc core.Allocation) {
	w := a.env.Stdout
	if q := alloc.Offer; q != nil {
		field(w, "shape", render.Visible(fmt.Sprintf("%s (%s, %s, %s)", cmp.Or(q.Shape, "own"),
			render.Count(q.VCPUs, "vCPU"), render.Memory(q.MemoryMiB), q.Arch)))
		price := fmt.Sprintf("%s/hour, %s %s/month", render.Price(q.Price.Hour), render.PerMonth(q.Price), q.Price.Currency)
		field(w, "price", price+nativeHour(q.Price))
		if n := quoteNotes(*q); n != "" {
			field(w, "notes", render.Visible(n))
		}
		for _, c := range q.Volumes {
			field(w, "volume", render.Visible(render.VolumeChoiceText(c)))
		}
	}
	if i := alloc.Instance; i != nil {
		for _, addr := range i.Addresses {
			field(w, "address", render.Visible(address(addr)))
		}
		if len(i.Addresses) == 0 && alloc.State == core.Running {
			field(w, "address", "none known yet")
		}
		field(w, "instance", render.Visible(i.ID))
	}
	if !alloc.LastSeen.IsZero() {
		field(w, "last seen", render.Time(alloc.LastSeen)+", "+a.outs.yellow("the provider does not answer now"))
	}
}

func address(addr core.Address) string {
	words := []string{addr.IP}
	if addr.Public {
		words = append(words, "public")
	}
	if addr.Network != "" {
		words = append(words, "on "+addr.Network)
	}
	return strings.Join(words, " ")
}

// field prints one line; its value must have been made visible.
func field(w io.Writer, key, value string) {
	fmt.Fprintf(w, "  %-10s %s\n", key, value)
}
