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

type deployFlags struct {
	spec     specFlags
	market   marketFlags
	cheapest bool
	offer    string
	name     string
	dryRun   bool
	wait     string
	timeout  time.Duration
	sshKeys  []string
	userData string
}

func newDeploy(a *app) *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use:   "deploy SPEC",
		Short: "Allocate a spec on the best offer and start it",
		Example: "meson deploy web.json --cheapest --name web1 --ssh-key ~/.ssh/id_ed25519.pub\n" +
			"meson deploy web.json\nmeson deploy web.json --cheapest --dry-run\nmeson offers web.json; meson deploy web.json --offer q7k2m",
		Long: "Asks every provider for the machine in the file SPEC (- is standard input), chooses an\n" +
			"offer, makes the machine and waits until it runs. An offer that is refused is followed\n" +
			"by the next one. On a terminal you choose from the table; --cheapest takes the best,\n" +
			"--offer binds to one that `meson offers` showed. Without a terminal one of the two must\n" +
			"be there.\n\n" +
			"The same name and spec again give the machine that exists. An interrupt before the\n" +
			"machine runs undoes what was made, a later one keeps the machine; a second one leaves\n" +
			"at once, and `meson resume` finishes the job.\n\n" + render.RoundingRule,
		Args: arguments(1, 1),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer,
			exitUndone, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error { return a.deploy(cmd.Context(), args[0], f) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&f.cheapest, "cheapest", false, "take the best offer without asking")
	fs.StringVar(&f.offer, "offer", "", "take the offer with this `ID` or none")
	fs.StringVar(&f.name, "name", "", "call the machine `NAME` (default: the spec's own, or one made up)")
	fs.BoolVar(&f.dryRun, "dry-run", false, "choose, and stop before anything is made")
	fs.StringVar(&f.wait, "wait", string(api.WaitRunning), "wait until it is `running`, has an address, or answers to ssh")
	timeoutFlag(cmd, &f.timeout)
	fs.StringArrayVar(&f.sshKeys, "ssh-key", nil, "let the public key in `FILE` log in (repeatable)")
	fs.StringVar(&f.userData, "user-data", "", "give the guest the cloud-init user data in `FILE`")
	f.spec.bind(cmd)
	f.market.bind(a, cmd)
	_ = cmd.RegisterFlagCompletionFunc("wait", cobra.FixedCompletions([]string{"running", "address", "ssh"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) deploy(ctx context.Context, file string, f deployFlags) error {
	req, err := a.deployRequest(ctx, file, f)
	if err != nil {
		return err
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	a.job.undoes = true
	a.job.begin()
	req.Progress = a.job.progress
	req.OnAnswer = func(ans core.Answer) { a.job.say(answered(ans)) }
	req.Choose = func(res api.OffersResult) (core.Quote, error) { return a.choose(ctx, res, f.cheapest) }
	alloc, err := a.deployWithin(ctx, b, req, f.timeout)
	if added, ferr := a.firstRun(ctx, b, err); added {
		alloc, err = a.deployWithin(ctx, b, req, f.timeout)
	} else {
		err = ferr
	}
	a.job.close()
	return a.deployed(ctx, alloc, f.dryRun, err)
}

func (a *app) deployWithin(ctx context.Context, b api.Broker, req api.DeployRequest, d time.Duration) (core.Allocation, error) {
	ctx, cancel := a.within(ctx, d)
	defer cancel()
	alloc, err := b.Deploy(ctx, req)
	return alloc, settle(ctx, err)
}

// within ends a command's work after d, 0 being never, and says so as Uncertain:
// what was begun goes on.
func (a *app) within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, &core.Error{
		Kind: core.Uncertain, Text: fmt.Sprintf("not finished within %s", d), Err: context.DeadlineExceeded,
	})
}

// deployRequest checks the command line and the files it names.
func (a *app) deployRequest(ctx context.Context, file string, f deployFlags) (api.DeployRequest, error) {
	req := api.DeployRequest{Name: f.name, OfferID: f.offer, DryRun: f.dryRun, WaitFor: api.WaitFor(f.wait)}
	const choose = "--cheapest takes the best offer, --offer ID one that `meson offers` showed"
	switch {
	case f.cheapest && f.offer != "":
		return req, usagef(choose, "--cheapest and --offer exclude each other")
	case !f.cheapest && f.offer == "" && !a.asks():
		return req, usagef(choose, "there is no terminal to choose an offer at")
	case req.WaitFor != api.WaitRunning && req.WaitFor != api.WaitAddress && req.WaitFor != api.WaitSSH:
		return req, usagef("", "--wait: want running, address or ssh, not %q", f.wait)
	case f.timeout < 0:
		return req, usagef("", "--timeout: want a positive time such as 10m, or 0 for none")
	}
	market, err := f.market.read(a.env.Getenv)
	if err != nil {
		return req, err
	}
	req.Horizon, req.Policy = market.Horizon, market.Policy
	if req.Pledge, err = a.pledge(ctx, file, f.spec); err != nil {
		return req, err
	}
	for _, name := range f.sshKeys {
		keys, err := readPublicKeys(name)
		if err != nil {
			return req, err
		}
		req.Pledge.Login.SSHKeys = append(req.Pledge.Login.SSHKeys, keys...)
	}
	if f.userData != "" {
		data, err := readBounded(f.userData, core.MaxUserDataBytes)
		if err != nil {
			return req, err
		}
		req.Pledge.UserData = core.NewSecret(string(data))
	}
	return req, nil
}

// choose shows the offers and what is taken, and why.
func (a *app) choose(ctx context.Context, res api.OffersResult, cheapest bool) (core.Quote, error) {
	if len(res.Quotes) == 0 {
		return core.Quote{}, a.nobody(res)
	}
	table := offersGrid(res.Quotes, a.errs).Render(a.width(a.env.Terminal.Stderr), a.plain())
	a.job.say(strings.TrimSuffix(table, "\n"))
	for _, line := range whyNots(render.NewWhyNots(res.Reasons, res.Failures), mostReasons, a.errs) {
		a.job.say(line)
	}
	for _, line := range basis(res)[1:] {
		a.job.say(line)
	}
	for _, w := range res.Warnings {
		a.warn(w)
	}
	n, why := 1, res.Why
	if !cheapest {
		var err error
		if n, err = a.pick(ctx, len(res.Quotes)); err != nil {
			return core.Quote{}, err
		}
		why = "your choice"
	}
	q := res.Quotes[n-1]
	a.job.say(fmt.Sprintf("chosen: %s, %s %s at %s/hour%s: %s", a.errs.bold(render.Visible(q.ID)),
		render.Visible(q.Provider), render.Visible(where(q.Offer)), render.Price(q.Price.Hour), nativeHour(q.Price), render.Visible(why)))
	return q, nil
}

// deployed prints what came of it, also where that is an error.
func (a *app) deployed(ctx context.Context, alloc core.Allocation, dryRun bool, err error) error {
	if err != nil && alloc.ID == "" {
		return a.unfinished(err, "", a.job.allocation())
	}
	doc := render.NewAllocation(alloc, nil)
	doc.DryRun = dryRun
	if perr := a.print(doc, func() error { return a.printMachine(ctx, alloc, dryRun) }); perr != nil && err == nil {
		return perr
	}
	switch {
	case err == nil:
		return nil
	case core.KindOf(err) == core.Uncertain && alloc.State == core.Running:
		return keptAt(err, alloc)
	case core.KindOf(err) == core.Uncertain:
		return a.unfinished(err, "", alloc.ID)
	case alloc.State == core.Failed:
		return &undoneError{err}
	}
	return err
}

// keptAt is the error of a wait that ended while the machine runs on, with what
// that costs.
func keptAt(err error, alloc core.Allocation) error {
	e, ok := err.(*core.Error)
	if !ok || alloc.Offer == nil {
		return err
	}
	c := *e
	c.Text += fmt.Sprintf("; it costs %s/hour", render.Price(alloc.Offer.Price.Hour))
	return &c
}
