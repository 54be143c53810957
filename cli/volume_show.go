package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
)

func newVolumeShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show VOLUME", Short: "Show everything about one volume",
		Example: "meson volume show data\nmeson volume show vault1/data -o json",
		Long: "Shows one volume as its provider sees it now: state, who uses it and who has locked it, how\n" +
			"it is reached, what is wrong with it, and its snapshots.\n" + volumeName + "\n\n" + render.RoundingRule,
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.volumeShow(cmd.Context(), args[0]) },
	}
}

func (a *app) volumeShow(ctx context.Context, name string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	v, snapshots, err := b.ShowVolume(ctx, name)
	if err != nil {
		return err
	}
	doc := volumeDocument(v)
	doc.Snapshots = render.NewSnapshots(snapshots)
	return a.print(doc, func() error {
		a.volumeLines(v, false)
		w := a.env.Stdout
		if !v.CreatedAt.IsZero() {
			field(w, "created", render.Time(v.CreatedAt))
		}
		if v.Epoch > 0 {
			field(w, "epoch", fmt.Sprint(v.Epoch))
		}
		for _, s := range snapshots {
			field(w, "snapshot", render.Visible(snapshotText(s)))
		}
		if q := v.Quote; q != nil {
			for i := range q.Price.Lines {
				l := &q.Price.Lines[i]
				field(w, string(l.Kind), render.Visible(priceLine(l)))
			}
		}
		return nil
	})
}
