package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// volumeFlags say what a volume must be.
type volumeFlags struct {
	size sizeFlag
	spec core.VolumeSpec
}

// bind gives a command the flags; without kept it has another --format.
func (f *volumeFlags) bind(cmd *cobra.Command, kept bool) {
	fs := cmd.Flags()
	fs.Var(&f.size, "size", "how large it is: 10GiB, 512MiB, 1.5TiB; a multiple of 0.125GiB")
	fs.BoolVar(&f.spec.Bootable, "bootable", false, "machines can boot from it")
	fs.BoolVar(&f.spec.Shareable, "shareable", false, "a directory that many machines write to at once, never a disk")
	fs.BoolVar(&f.spec.ReadOnly, "readonly", false, "nobody writes to it")
	fs.BoolVar(&f.spec.Private, "private", false, "marks it as private, for programs that share the vault; nobody is refused for it")
	if kept {
		fs.StringVar(&f.spec.Format, "format", "", "how it is kept: `raw` (the fastest) or qcow2; by default the provider's choice")
		completeFormats(cmd)
	}
	_ = cmd.RegisterFlagCompletionFunc("size", cobra.FixedCompletions([]string{"1GiB", "10GiB", "100GiB"}, cobra.ShellCompDirectiveNoFileComp))
}

func completeFormats(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"raw", "qcow2"}, cobra.ShellCompDirectiveNoFileComp))
}

// read checks the flags; all that is wrong comes at once.
func (f *volumeFlags) read(sized bool) (core.VolumeSpec, error) {
	spec := f.spec
	spec.SizeBytes = f.size.bytes
	e := &core.Error{Kind: core.Invalid, Text: "the flags contradict"}
	fault := func(path, have, want string) {
		e.Faults = append(e.Faults, core.Fault{Path: path, Have: have, Want: want, Text: "want " + want})
	}
	if sized && spec.SizeBytes == 0 {
		fault("--size", "", sizesWant)
	}
	if err := checkFormat(spec.Format); spec.Format != "" && err != nil {
		fault("--format", spec.Format, "raw or qcow2")
	}
	if spec.Bootable && spec.Shareable {
		fault("--shareable", "", "it without --bootable: what many write to at once is a directory, and nobody boots from that")
	}
	if len(e.Faults) == 1 {
		e.Text = ""
	}
	if len(e.Faults) > 0 {
		return spec, e
	}
	return spec, nil
}

type volumeCreateFlags struct {
	volume  volumeFlags
	market  marketFlags
	image   string
	sha256  string
	dryRun  bool
	timeout time.Duration
}

func newVolumeCreate(a *app) *cobra.Command {
	var f volumeCreateFlags
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a volume at the cheapest provider, or a named one",
		Example: "meson volume create data --size 10GiB\nmeson volume create data --size 10GiB --provider vault1 --dry-run\n" +
			"meson volume create root --size 10GiB --bootable --image https://cloud.debian.org/…/debian-12.qcow2 --sha256 6ab5…",
		Long: "Asks every storage provider for the volume, takes the cheapest offer that the flags allow,\n" +
			"makes the volume and waits until it is available. It costs what it costs until\n" +
			"`meson volume rm`, used or not.\n\n" + render.RoundingRule,
		Args:              arguments(1, 1),
		ValidArgsFunction: nothing,
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer, exitUndone, exitGoing,
			exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error { return a.volumeCreate(cmd.Context(), args[0], f) },
	}
	f.volume.bind(cmd, true)
	cmd.Flags().StringVar(&f.image, "image", "", "begin with the image at this `URL`, or in this file of the storage server")
	cmd.Flags().StringVar(&f.sha256, "sha256", "", "refuse another image than that of this `SUM`")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "choose, and stop before anything is made")
	f.market.bind(a, cmd)
	timeoutFlag(cmd, &f.timeout)
	return cmd
}

func (a *app) volumeCreate(ctx context.Context, name string, f volumeCreateFlags) error {
	spec, err := f.volume.read(true)
	if err != nil {
		return err
	}
	if f.sha256 != "" && f.image == "" {
		return usagef("", "--sha256 is the sum of an --image")
	}
	if err := checkSum(f.sha256); err != nil {
		return err
	}
	market, err := f.market.read(a.env.Getenv)
	if err != nil {
		return err
	}
	a.warnUnchecked(f.image, f.sha256)
	return a.made(ctx, f.dryRun, f.timeout, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
		return b.CreateVolume(ctx, api.CreateVolumeRequest{
			Name: name, Spec: spec, Origin: core.VolumeOrigin{ImageURL: f.image, ImageSHA256: f.sha256},
			Horizon: market.Horizon, Policy: market.Policy, DryRun: f.dryRun, Progress: a.job.progress,
		})
	})
}

// made is a command that makes a volume and prints it, also where it ended before
// that was all there.
func (a *app) made(ctx context.Context, dryRun bool, timeout time.Duration, create func(context.Context, api.Broker) (api.VolumeInfo, error)) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx, timeout)
	defer cancel()
	a.job.undoes = true
	a.job.begin()
	v, err := create(ctx, b)
	a.job.close()
	err = settle(ctx, err)
	if err != nil && v.ID == "" {
		return err
	}
	if perr := a.printVolume(v, dryRun); perr != nil && err == nil {
		return perr
	}
	return err
}

// warnUnchecked warns where an image is fetched that no sum is given of; one that a
// provider has, and a file of its server, are taken as they are.
func (a *app) warnUnchecked(url, sum string) {
	scheme, _, _ := strings.Cut(strings.ToLower(url), "://")
	if sum == "" && (scheme == "http" || scheme == "https") {
		a.warn("nothing checks what is fetched: --sha256 says which image it must be")
	}
}

func checkSum(sum string) error {
	if sum == "" {
		return nil
	}
	for _, c := range sum {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') || len(sum) != 64 {
			return usagef("sha256sum FILE prints it", "--sha256: want 64 hexadecimal digits")
		}
	}
	return nil
}

func checkFormat(format string) error {
	if format == "raw" || format == "qcow2" {
		return nil
	}
	return usagef("", "--format: want raw or qcow2, not %.40q", format)
}

// offersOfVolumes is the table of volume offers.
func offersOfVolumes(quotes []core.VolumeQuote, s style) *render.Grid {
	g := render.NewGrid(
		render.Column{Title: "#", Right: true}, render.Column{Title: "PROVIDER"}, render.Column{Title: "ZONE", Drop: 1},
		render.Column{Title: "TIER", Drop: 3}, render.Column{Title: "SIZE", Right: true, Drop: 4}, render.Column{Title: "REACHED BY", Drop: 2},
		render.Column{Title: "PRICE/month", Right: true}, render.Column{Title: "NOTES", Drop: 5, Fold: 20},
	)
	n := 0
	for _, q := range quotes {
		number := "-"
		if q.Offer.QuoteOnly == "" {
			n++
			number = fmt.Sprint(n)
		}
		asOffer := core.Offer{Facts: q.Offer.Facts, Unknown: q.Offer.Unknown, QuoteOnly: q.Offer.QuoteOnly}
		g.Add(number, q.Offer.Provider, where(core.Offer{Zone: q.Offer.Zone, Region: q.Offer.Region}), q.Offer.Tier, sizeText(q.Offer.SizeBytes),
			kindsText(q.Offer.Exposures), render.PerMonth(q.Price)+" "+q.Price.Currency, quoteNotes(core.Quote{Offer: asOffer, Price: q.Price}))
	}
	g.Paint("PROVIDER", s.bold)
	return g
}

// kindsText are the ways to a volume in a few words.
func kindsText(exposures []core.Exposure) string {
	text := ""
	seen := map[core.ConnectionKind]bool{}
	for _, e := range exposures {
		if seen[e.Kind] {
			continue
		}
		seen[e.Kind] = true
		if text != "" {
			text += " "
		}
		text += string(e.Kind)
	}
	return text
}
