package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
)

// closing is how long the broker may take to end its plugins.
const closing = 5 * time.Second

// Main runs one command, args being without the program's name, and returns its
// exit code. It prints everything itself, errors included, and opens the broker
// at most once.
func Main(ctx context.Context, args []string, env Env) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := newApp(env)
	done := make(chan int, 1)
	go func() { done <- a.run(ctx, args) }()
	interrupted := false
	for {
		select {
		case code := <-done:
			return code
		case <-env.Interrupts:
			if interrupted {
				a.abandon()
				return exitInterrupted
			}
			interrupted = true
			if a.job.started() {
				a.job.say(fmt.Sprintf("%s %s; once more to leave at once", a.errs.yellow("interrupted:"), render.Visible(a.job.ending())))
			}
			cancel(core.Errorf(core.Interrupted, "interrupted"))
		}
	}
}

// run is Main without the interrupts.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.ran {
		err = usage(err, a.usageHint)
	}
	err = settle(ctx, err)
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if cerr := a.close(closeCtx); cerr != nil {
		fmt.Fprintf(a.env.Stderr, "meson: close: %v\n", cerr)
	}
	report(a.env.Stderr, a.errs, err)
	return exitCode(err)
}

// usage gives an error of the command line's own grammar its kind and hint.
func usage(err error, hint string) error {
	if _, ok := err.(*core.Error); ok {
		return err
	}
	return &core.Error{Kind: core.Invalid, Text: err.Error(), Hint: hint}
}

// usagef is a usage error found by a command itself.
func usagef(hint, format string, args ...any) error {
	return &core.Error{Kind: core.Invalid, Text: fmt.Sprintf(format, args...), Hint: hint}
}
