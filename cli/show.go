package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
)

func newShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show everything about one machine",
		Example: "meson show web1\nmeson show web1 -o json",
		Long: "Shows one machine as its provider sees it now: state, price, addresses, console and\n" +
			"what was attempted. NAME is its name, its id, or the beginning of its id.\n\n" + render.RoundingRule,
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeMachines,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.show(cmd.Context(), args[0]) },
	}
}

func (a *app) show(ctx context.Context, name string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	alloc, attempts, err := b.Show(ctx, name)
	if err != nil {
		return err
	}
	attached, err := b.Attachments(ctx, alloc.ID)
	if err != nil {
		return err
	}
	doc := render.NewAllocation(alloc, attempts)
	doc.Attachments = render.NewAttachments(attached, alloc.Instance)
	return a.print(doc, func() error { return a.printShow(ctx, alloc, attempts, doc.Attachments) })
}

func (a *app) printShow(ctx context.Context, alloc core.Allocation, attempts []core.Attempt, attached []render.Attachment) error {
	if err := a.printMachine(ctx, alloc, false); err != nil {
		return err
	}
	w := a.env.Stdout
	field(w, "created", render.Time(alloc.CreatedAt))
	field(w, "asked for", render.Visible(wish(alloc.Pledge)))
	if i := alloc.Instance; i != nil && i.Console != "" {
		field(w, "vnc", render.Visible(i.Console))
	}
	for _, t := range attached {
		field(w, "attached", render.Visible(attachedText(t)))
	}
	if q := alloc.Offer; q != nil {
		for i := range q.Price.Lines {
			l := &q.Price.Lines[i]
			field(w, string(l.Kind), render.Visible(priceLine(l)))
		}
	}
	for _, t := range attempts {
		line := fmt.Sprintf("%d  %s  %s  %s", t.Number, render.Time(t.CreatedAt), t.State,
			strings.TrimSpace(t.Quote.Provider+" "+where(t.Quote.Offer)))
		if t.Error != nil {
			line += ": " + headline(t.Error)
		}
		field(w, "attempt", render.Visible(line))
	}
	return nil
}

// attachedText is "data at vault1 (3f0c…), writing by iscsi, attached".
func attachedText(t render.Attachment) string {
	text := fmt.Sprintf("%s at %s (%s), ", cmp.Or(t.Name, t.VID), t.Provider, t.VID)
	if t.ReadOnly {
		text += "reading"
	} else {
		text += "writing"
	}
	if t.Kind != "" {
		text += " by " + t.Kind
	}
	if t.Boot {
		text += ", boots from it"
	}
	return text + ", " + t.State
}

// wish is a pledge in a few words.
func wish(p core.Pledge) string {
	what := "core"
	if p.AllowSMT {
		what = "thread"
	}
	words := []string{render.Count(p.Slots, what), render.Memory(p.MemoryMiB), fmt.Sprintf("%d GiB disk", p.BootDiskGiB)}
	archs := make([]string, len(p.Archs))
	for i, arch := range p.Archs {
		archs[i] = string(arch)
	}
	words = append(words, strings.Join(archs, " or "))
	if os := strings.TrimSpace(p.OS.Family + " " + p.OS.Flavour); os != "" {
		words = append(words, os)
	}
	for _, d := range p.PCI {
		words = append(words, fmt.Sprintf("%d × %s:%s", d.Quantity, d.Vendor, d.Model))
	}
	for _, v := range p.Volumes {
		switch {
		case v.VID != "":
			words = append(words, "volume "+v.VID)
		default:
			words = append(words, fmt.Sprintf("a volume %s of %s", v.Name, render.Size(v.SizeMiB<<20)))
		}
	}
	return strings.Join(words, ", ")
}
