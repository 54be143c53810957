package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newVolumeSnapshot(a *app) *cobra.Command {
	return parent("snapshot", "Keep what a volume holds at an instant",
		"meson volume snapshot create data before-upgrade\nmeson volume snapshot ls data\nmeson volume revert data before-upgrade",
		newSnapshotCreate(a), newSnapshotLs(a), newSnapshotRm(a))
}

func newSnapshotCreate(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "create VOLUME NAME", Short: "Keep what a volume holds now",
		Example: "meson volume snapshot create data before-upgrade",
		Long: "Keeps what a volume holds now. Of a volume in use it is what a power failure at this instant\n" +
			"would have left: stop what writes for more than that.\n" + volumeName,
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.snapshotCreate(cmd.Context(), args[0], args[1])
		},
	}
}

func (a *app) snapshotCreate(ctx context.Context, volume, name string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	a.job.begin()
	s, err := b.CreateSnapshot(ctx, a.onVolume(volume, false), name)
	a.job.close()
	if err = settle(ctx, err); err != nil {
		return err
	}
	return a.print(render.NewSnapshot(s), func() error {
		_, err := fmt.Fprintf(a.env.Stdout, "%s (%s) is %s at %s\n", a.outs.bold(render.Visible(s.Name)), render.Visible(s.ID),
			a.outs.volumeState(string(s.State)), render.Visible(s.Provider))
		return err
	})
}

func newSnapshotLs(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "ls [VOLUME]", Aliases: []string{"list"}, Short: "List the snapshots of a volume, or of all",
		Example:           "meson volume snapshot ls data\nmeson volume snapshot ls -o json",
		Args:              arguments(0, 1),
		ValidArgsFunction: a.completeVolume(nothing),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitInterrupted),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.snapshotLs(cmd.Context(), first(args)) },
	}
}

func (a *app) snapshotLs(ctx context.Context, volume string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	list, err := b.Snapshots(ctx, volume)
	if err != nil {
		return err
	}
	return a.print(render.NewSnapshots(list), func() error {
		if len(list) == 0 {
			_, err := fmt.Fprintln(a.env.Stderr, "no snapshots")
			return err
		}
		g := render.NewGrid(
			render.Column{Title: "NAME"}, render.Column{Title: "ID", Fold: 12}, render.Column{Title: "VOLUME", Fold: 12}, render.Column{Title: "STATE"},
			render.Column{Title: "SIZE", Right: true, Drop: 2}, render.Column{Title: "PROVIDER", Drop: 1}, render.Column{Title: "AGE", Right: true, Drop: 3},
		)
		now := a.env.Now()
		for _, s := range list {
			age := "-"
			if !s.CreatedAt.IsZero() {
				age = render.Age(now.Sub(s.CreatedAt))
			}
			g.Add(cmp.Or(s.Name, "-"), s.ID, s.Volume, string(s.State), sizeText(s.SizeBytes), s.Provider, age)
		}
		g.Paint("NAME", a.outs.bold)
		g.Paint("STATE", a.outs.volumeState)
		return a.grid(g)
	})
}

func newSnapshotRm(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rm VOLUME SNAPSHOT", Short: "Give up a snapshot; the volume stays as it is",
		Example:           "meson volume snapshot rm data before-upgrade",
		Long:              "Gives up a snapshot, by its name or id. The volume and what was made of the snapshot stay as they are.",
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeVolume(a.oneSnapshot),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.snapshotRm(cmd.Context(), args[0], args[1])
		},
	}
}

func (a *app) snapshotRm(ctx context.Context, volume, snapshot string) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	a.job.begin()
	err = b.RemoveSnapshot(ctx, a.onVolume(volume, false), snapshot)
	a.job.close()
	if err = settle(ctx, err); err != nil {
		return err
	}
	doc := struct {
		Volume   string `json:"volume"`
		Snapshot string `json:"snapshot"`
		Removed  bool   `json:"removed"`
	}{volume, snapshot, true}
	return a.print(doc, func() error {
		_, err := fmt.Fprintf(a.env.Stdout, "removed %s\n", render.Visible(snapshot))
		return err
	})
}

func newVolumeRevert(a *app) *cobra.Command {
	var yes, dryRun bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "revert VOLUME SNAPSHOT", Short: "Make a volume hold again what a snapshot does",
		Example: "meson volume revert data before-upgrade",
		Long: "Makes a volume hold what it held when the snapshot was made; what was written since is lost.\n" +
			"On a terminal it asks before. A volume in use is refused, with who has it.\n" + volumeName,
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeVolume(a.oneSnapshot),
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !dryRun {
				if err := a.agreeToForce(cmd.Context(), "Give up what was written to "+args[0]+" since "+args[1]+"?", yes); err != nil {
					return err
				}
			}
			return a.changeVolume(cmd.Context(), timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
				return b.RevertVolume(ctx, a.onVolume(args[0], dryRun), args[1])
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say whether it could be, and stop before")
	timeoutFlag(cmd, &timeout)
	return cmd
}

// oneSnapshot completes a snapshot, whatever volume it is of.
func (a *app) oneSnapshot(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nothingMore(cmd, args)
	}
	return a.complete(cmd.Context(), func(ctx context.Context, b api.Broker) ([]string, error) {
		list, err := b.Snapshots(ctx, "")
		var names []string
		for _, s := range list {
			names = append(names, cmp.Or(s.Name, s.ID))
		}
		return names, err
	})
}

// snapshotText is a snapshot on a line of its volume.
func snapshotText(s core.Snapshot) string {
	text := fmt.Sprintf("%s (%s)", cmp.Or(s.Name, "unnamed"), s.ID)
	if !s.CreatedAt.IsZero() {
		text += " of " + render.Time(s.CreatedAt)
	}
	return text
}
