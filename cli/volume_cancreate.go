package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newVolumeCancreate(a *app) *cobra.Command {
	var volume volumeFlags
	var market marketFlags
	cmd := &cobra.Command{
		Use: "cancreate", Short: "Ask who could make a volume, and at what price; make nothing",
		Example: "meson volume cancreate --size 10GiB\nmeson volume cancreate --size 500GiB --shareable --for 1y -o json",
		Long: "Asks every storage provider whether it could make such a volume now, and prints the offers,\n" +
			"cheapest first, and why the others said no. Nothing is made.\n\n" + render.RoundingRule,
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitNoOffer, exitInterrupted),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.volumeCancreate(cmd.Context(), volume, market) },
	}
	volume.bind(cmd, true)
	market.bind(a, cmd)
	return cmd
}

func (a *app) volumeCancreate(ctx context.Context, volume volumeFlags, market marketFlags) error {
	spec, err := volume.read(true)
	if err != nil {
		return err
	}
	by, err := market.read(a.env.Getenv)
	if err != nil {
		return err
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	res, err := b.VolumeOffers(ctx, api.VolumeOffersRequest{Spec: spec, Horizon: by.Horizon, Policy: by.Policy})
	if err != nil {
		return err
	}
	docs := make([]render.VolumeOffer, 0, len(res.Quotes))
	for _, q := range res.Quotes {
		docs = append(docs, render.NewVolumeOffer(q.ID, q.Offer, q.Price))
	}
	if err := a.print(docs, func() error {
		if len(res.Quotes) > 0 {
			if err := a.grid(offersOfVolumes(res.Quotes, a.outs)); err != nil {
				return err
			}
			for _, line := range basis(api.OffersResult{Why: res.Why, Rates: res.Rates}) {
				fmt.Fprintln(a.env.Stdout, line)
			}
		}
		for _, line := range whyNots(render.NewWhyNots(res.Reasons, res.Failures), 0, a.outs) {
			fmt.Fprintln(a.env.Stdout, line)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, w := range res.Warnings {
		a.warn(w)
	}
	for _, q := range res.Quotes {
		if q.Offer.QuoteOnly == "" {
			return nil
		}
	}
	e := core.Errorf(core.NoOffer, "nobody can make this now")
	if a.format != render.Table {
		for _, r := range res.Reasons {
			e.Faults = append(e.Faults, core.Fault{Path: r.Provider, Have: r.Have, Want: r.Want, Text: r.Text})
		}
	}
	return e
}
