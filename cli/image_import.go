package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

type imageImportFlags struct {
	provider, zone, sha256 string
	os                     core.OS
	timeout                time.Duration
}

func newImageImport(a *app) *cobra.Command {
	var f imageImportFlags
	cmd := &cobra.Command{
		Use: "import NAME URL", Short: "Have a storage provider fetch an image",
		Example: "meson image import debian https://cloud.debian.org/…/debian-12.qcow2 --sha256 6ab5… --provider vault1",
		Long: "Has a storage provider fetch the image at URL, or take it from this file of the storage\n" +
			"server, and keep it under NAME. The same again is no change; other bytes under the name are\n" +
			"refused. Cut off, the same command goes on.",
		Args:              arguments(2, 2),
		ValidArgsFunction: nothing,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.imageImport(cmd.Context(), args[0], args[1], f)
		},
	}
	cmd.Flags().StringVar(&f.provider, "provider", "", "the provider of this `NAME`; needed where several take images")
	cmd.Flags().StringVar(&f.zone, "zone", "", "in this `ZONE` of the provider, where it keeps images apart")
	cmd.Flags().StringVar(&f.sha256, "sha256", "", "refuse another image than that of this `SUM`")
	cmd.Flags().StringVar(&f.os.Family, "os-family", "", "the system that it has, such as `linux`")
	cmd.Flags().StringVar(&f.os.Flavour, "os-flavour", "", "which one of these, such as `debian`")
	_ = cmd.RegisterFlagCompletionFunc("provider", a.completeProviders)
	timeoutFlag(cmd, &f.timeout)
	return cmd
}

func (a *app) imageImport(ctx context.Context, name, url string, f imageImportFlags) error {
	if err := checkSum(f.sha256); err != nil {
		return err
	}
	a.warnUnchecked(url, f.sha256)
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx, f.timeout)
	defer cancel()
	a.job.begin()
	image, err := b.ImportImage(ctx, api.ImportImageRequest{
		Name: name, URL: url, SHA256: f.sha256, OS: f.os, Provider: f.provider, Zone: f.zone, Progress: a.job.progress,
	})
	a.job.close()
	if err = settle(ctx, err); err != nil {
		return err
	}
	doc := render.NewImage(image.Image, image.Ours)
	return a.print(doc, func() error {
		a.imageLines(doc)
		return nil
	})
}
