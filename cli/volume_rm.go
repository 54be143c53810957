package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// nothingRemoved is what comes of a question that is answered with no.
const nothingRemoved = "nothing removed"

func newVolumeRm(a *app) *cobra.Command {
	var yes, dryRun bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "rm VOLUME...", Short: "Remove volumes and what they hold, for good",
		Example: "meson volume rm data\nmeson volume rm data logs --yes -o json",
		Long: "Removes volumes and all that they hold; it cannot be undone. On a terminal it asks before.\n" +
			"A volume that is in use or locked is refused, with who has it. With -o json it prints an\n" +
			"array.\n" + volumeName,
		Args:              arguments(1, -1),
		ValidArgsFunction: a.completeVolumes,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.volumeRm(cmd.Context(), args, yes, dryRun, timeout)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and stop before")
	timeoutFlag(cmd, &timeout)
	return cmd
}

func (a *app) volumeRm(ctx context.Context, names []string, yes, dryRun bool, timeout time.Duration) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	if !yes && !dryRun && a.asks() {
		if err := a.agreeToRemove(ctx, b, names); err != nil {
			return err
		}
	}
	ctx, cancel := a.within(ctx, timeout)
	defer cancel()
	a.job.begin()
	docs := make([]render.Volume, 0, len(names))
	var done []api.VolumeInfo
	var errs []error
	for _, name := range names {
		v, err := b.RemoveVolume(ctx, api.VolumeRequest{Volume: name, DryRun: dryRun, Progress: a.job.progress})
		if err != nil {
			errs = append(errs, settle(ctx, err))
			continue
		}
		doc := volumeDocument(v)
		doc.DryRun = dryRun
		docs, done = append(docs, doc), append(done, v)
	}
	a.job.close()
	if err := a.print(docs, func() error {
		for _, v := range done {
			a.removedLine(v.Name, v.ID, string(core.VolumeGone), v.SizeBytes, dryRun)
		}
		return nil
	}); err != nil {
		return err
	}
	return unjoin(errors.Join(errs...))
}

// removedLine tells a person what became of a volume or an image, or would.
func (a *app) removedLine(name, id, state string, sizeBytes int64, dryRun bool) {
	what := "is " + a.outs.volumeState(state)
	if dryRun {
		what = "would be removed, with " + sizeText(sizeBytes)
	}
	fmt.Fprintf(a.env.Stdout, "%s (%s) %s\n", a.outs.bold(render.Visible(name)), render.Visible(id), what)
}

// agreeToRemove shows what would be gone, and asks.
func (a *app) agreeToRemove(ctx context.Context, b api.Broker, names []string) error {
	var what []string
	for _, name := range names {
		v, _, err := b.ShowVolume(ctx, name)
		if err != nil {
			return err
		}
		what = append(what, fmt.Sprintf("%s (%s, %s at %s)", v.Name, v.ID, sizeText(v.SizeBytes), v.Provider))
	}
	return a.mustAgree(ctx, fmt.Sprintf("Remove %s and what it holds, for good?", strings.Join(what, ", ")), nothingRemoved)
}
