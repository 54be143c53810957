package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
)

func newImageRm(a *app) *cobra.Command {
	var yes, dryRun bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "rm IMAGE...", Short: "Remove images; volumes that were made of them stay",
		Example: "meson image rm debian\nmeson image rm vault1/debian --yes -o json",
		Long: "Removes images. Volumes that were made of them stay as they are. On a terminal it asks\n" +
			"before. With -o json it prints an array.\n" + imageName,
		Args:              arguments(1, -1),
		ValidArgsFunction: a.completeImages,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes && !dryRun {
				if err := a.mustAgree(cmd.Context(), "Remove "+strings.Join(args, ", ")+", for good?", nothingRemoved); err != nil {
					return err
				}
			}
			return a.imageRm(cmd.Context(), args, dryRun, timeout)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and stop before")
	timeoutFlag(cmd, &timeout)
	return cmd
}

func (a *app) imageRm(ctx context.Context, names []string, dryRun bool, timeout time.Duration) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx, timeout)
	defer cancel()
	a.job.begin()
	docs := make([]render.Image, 0, len(names))
	var errs []error
	for _, name := range names {
		image, err := b.RemoveImage(ctx, name, dryRun)
		if err != nil {
			errs = append(errs, settle(ctx, err))
			continue
		}
		doc := render.NewImage(image.Image, image.Ours)
		doc.DryRun = dryRun
		docs = append(docs, doc)
	}
	a.job.close()
	if err := a.print(docs, func() error {
		for _, d := range docs {
			a.removedLine(d.Name, d.ID, d.State, d.SizeBytes, dryRun)
		}
		return nil
	}); err != nil {
		return err
	}
	return unjoin(errors.Join(errs...))
}
