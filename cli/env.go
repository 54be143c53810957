package cli

import (
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/mesoncloud/meson/core/api"
)

// Env is all that Main takes from the world outside.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       Terminal
	// Getenv is os.Getenv.
	Getenv func(string) string
	// Open gives the broker and what ends it. It is called at most once, and
	// only by commands that need a broker. Its error is printed as it is. What the
	// broker logs goes to logs, whole lines at a time.
	Open func(ctx context.Context, logs io.Writer) (api.Broker, func(context.Context) error, error)
	// Restore puts a backup in the ledger's place, which need not be one that Open
	// could open. logs is as in Open.
	Restore func(ctx context.Context, req api.RestoreRequest, logs io.Writer) (api.RestoreResult, error)
	// Mapper makes volumes files of this machine; nil where that cannot be.
	Mapper func() (Mapper, error)
	// Version is Meson's own; Protocol the version of the plugin contract.
	Version  string
	Protocol int
	Now      func() time.Time
	// Interrupts delivers SIGINT and SIGTERM; nil for none. The first cancels the
	// context of the command, the second makes Main return at once.
	Interrupts <-chan os.Signal
}

// Terminal says which of the standard streams are terminals. The zero value is
// none.
type Terminal struct {
	Stdin, Stdout, Stderr bool
	// Width is that of the terminal in columns, 0 where unknown; nil is 0.
	Width func() int
	// Raw puts standard input's terminal into raw mode and gives what restores
	// it; nil where that cannot be done.
	Raw func() (restore func() error, err error)
}

// System is the Env of the process, without Open, Restore, Mapper, Version,
// Protocol and Interrupts.
func System() Env {
	stdin := int(os.Stdin.Fd())
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now,
		Terminal: Terminal{
			Stdin:  term.IsTerminal(stdin),
			Stdout: term.IsTerminal(int(os.Stdout.Fd())),
			Stderr: term.IsTerminal(int(os.Stderr.Fd())),
			Width: func() int {
				for _, f := range []*os.File{os.Stdout, os.Stderr} {
					if w, _, err := term.GetSize(int(f.Fd())); err == nil {
						return w
					}
				}
				return 0
			},
			Raw: func() (func() error, error) {
				old, err := term.MakeRaw(stdin)
				if err != nil {
					return nil, err
				}
				return func() error { return term.Restore(stdin, old) }, nil
			},
		},
	}
}
