package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
)

// escapeByte is Ctrl-], which leaves the console.
const escapeByte = 0x1d

func newConsole(a *app) *cobra.Command {
	var force bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "console NAME",
		Short:   "Talk to a machine's serial console",
		Example: "meson console web1\nmeson console web1 --force\nmeson console web1 --timeout 20s </dev/null",
		Long: "Connects the terminal to the machine's serial console; Ctrl-] leaves it. Where standard\n" +
			"input is not a terminal its bytes are sent as they are, and the console is read on\n" +
			"after their end.",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeMachines,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.console(cmd.Context(), args[0], force, timeout)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "end somebody else's session")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "leave after this `TIME`, 0 for never")
	return cmd
}

// errLeft is the end of a console session that the user wanted.
var errLeft = errors.New("console left")

func (a *app) console(ctx context.Context, name string, force bool, timeout time.Duration) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if timeout > 0 {
		// Not a deadline: the plugin would be told of that one, and could be the
		// first to complain of it.
		timer := time.AfterFunc(timeout, func() { cancel(errLeft) })
		defer timer.Stop()
	}
	stream := &consoleStream{ctx: ctx, out: a.env.Stdout, in: make(chan []byte)}
	if a.env.Terminal.Stdin {
		stream.leave = func() { cancel(errLeft) }
		fmt.Fprintf(a.env.Stderr, "console of %s; Ctrl-] leaves it\n", render.Visible(name))
		if a.env.Terminal.Raw != nil {
			restore, err := a.env.Terminal.Raw()
			if err != nil {
				return fmt.Errorf("put the terminal into raw mode: %w", err)
			}
			a.job.onAbandon(restore)
			defer func() {
				_ = restore()
				fmt.Fprintln(a.env.Stderr)
			}()
		}
	}
	go stream.pump(a.env.Stdin)
	err = b.Console(ctx, name, force, stream)
	if errors.Is(context.Cause(ctx), errLeft) || errors.Is(err, io.EOF) {
		return nil
	}
	err = settle(ctx, err)
	if e, ok := err.(*core.Error); ok && e.Kind == core.Busy && !force {
		// The plugin does not know what the flag is called here.
		c := *e
		c.Hint = fmt.Sprintf("`meson console %s --force` ends the session that somebody else has", quote(name))
		return &c
	}
	return err
}

// consoleStream is the user's end of a console: Read gives what is typed until
// the context ends, Write shows what the machine says.
type consoleStream struct {
	ctx context.Context // the session's: an io.Reader has no other way to end
	out io.Writer
	in  chan []byte
	// leave, if set, is called at the escape byte; without it the byte is sent.
	leave func()
	rest  []byte
}

// pump reads the input until it or the session ends. The end of the input is
// not the end of the session: a pipe may be shorter than what it causes.
func (s *consoleStream) pump(r io.Reader) {
	for {
		buf := make([]byte, 4096)
		n, err := r.Read(buf)
		if n > 0 {
			select {
			case s.in <- buf[:n]:
			case <-s.ctx.Done():
				return
			}
		}
		if err != nil {
			if s.leave != nil {
				s.leave() // a terminal that has gone away
			}
			return
		}
	}
}

// Read gives the next bytes typed; io.EOF once the session is left.
func (s *consoleStream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		select {
		case s.rest = <-s.in:
		case <-s.ctx.Done():
			return 0, io.EOF
		}
	}
	n := copy(p, s.rest)
	if s.leave != nil {
		for i, c := range p[:n] {
			if c == escapeByte {
				s.leave()
				s.rest = nil
				return i, io.EOF
			}
		}
	}
	s.rest = s.rest[n:]
	return n, nil
}

// Write shows bytes as they are: a console is a terminal's own language.
func (s *consoleStream) Write(p []byte) (int, error) { return s.out.Write(p) }
