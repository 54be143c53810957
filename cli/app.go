package cli

import (
	"context"
	"fmt"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
)

// app is one run of one command: what its parts share.
type app struct {
	env    Env
	format render.Format
	// outs and errs paint standard output and standard error.
	outs, errs style
	job        *job
	// ran tells a command's own error from one of the command line's grammar.
	ran       bool
	usageHint string

	broker api.Broker
	end    func(context.Context) error
}

func newApp(env Env) *app {
	errs := newStyle(env.Terminal.Stderr, env.Getenv)
	a := &app{
		env: env, format: render.Table, errs: errs,
		outs: newStyle(env.Terminal.Stdout, env.Getenv),
		job:  &job{w: env.Stderr, now: env.Now, live: env.Terminal.Stderr && env.Getenv("TERM") != "dumb"},
	}
	a.job.width = a.width(env.Terminal.Stderr)
	return a
}

// open gives the broker, opened by its first caller.
func (a *app) open(ctx context.Context) (api.Broker, error) {
	if a.broker != nil {
		return a.broker, nil
	}
	b, end, err := a.env.Open(ctx, jobLog{a.job})
	if err != nil {
		return nil, err
	}
	a.broker, a.end = b, end
	return b, nil
}

func (a *app) close(ctx context.Context) error {
	a.job.close()
	if a.end == nil {
		return nil
	}
	end := a.end
	a.end = nil
	return end(ctx)
}

// abandon says what is left behind when the user does not wait for the undoing.
func (a *app) abandon() {
	id, running, kept := a.job.abandon()
	what, command, does := "left unfinished", "meson resume", "finishes it"
	switch {
	case !running:
		return
	case kept:
		what, command, does = "the machine runs and is kept", "meson show", "shows it"
	}
	if id != "" {
		command += " " + render.Visible(id)
	}
	fmt.Fprintf(a.env.Stderr, "%s %s\n%s `%s` %s\n", a.errs.red("meson:"), what, a.errs.dim("hint:"), command, does)
}

// print writes a document, or calls people where a table is wanted.
func (a *app) print(doc any, people func() error) error {
	if a.format == render.Table {
		return people()
	}
	return render.Encode(a.env.Stdout, a.format, doc)
}

// grid writes a table that fits standard output.
func (a *app) grid(g *render.Grid) error {
	_, err := fmt.Fprint(a.env.Stdout, g.Render(a.width(a.env.Terminal.Stdout), a.plain()))
	return err
}

func (a *app) width(terminal bool) int {
	if !terminal || a.env.Terminal.Width == nil {
		return 0
	}
	return a.env.Terminal.Width()
}

func (a *app) plain() bool { return a.env.Getenv("TERM") == "dumb" }
