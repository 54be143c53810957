// Package broker wires the broker of the command line: the ledger of this user, the
// plugins of this machine.
package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
)

// Wiring opens the broker over the user's ledger and the plugins found on this
// machine.
type Wiring struct {
	Getenv func(string) string
	// Step is as in alloc.Options: tests kill in it.
	Step func(name string)
}

// Open is for cli.Env. What it returns ends the plugins and the ledger, once
// every call on the broker has returned. logs gets log lines from level $MESON_LOG_LEVEL on, warn by default.
func (b Wiring) Open(ctx context.Context, logs io.Writer) (api.Broker, func(context.Context) error, error) {
	log := b.log(logs)
	path, err := b.ledgerPath()
	if err != nil {
		return nil, nil, err
	}
	store, err := ledger.Open(ctx, path, ledger.Options{Log: log})
	if err != nil {
		return nil, nil, err
	}
	plugins := host.New(host.Options{
		Log: log,
		// Hosts by qemu+ssh are reached with the user's agent.
		PassEnv: map[string][]string{"kvm": {"SSH_AUTH_SOCK"}},
	})
	// Neither end needs the other; each takes some milliseconds.
	closeAll := func(ctx context.Context) error {
		kept := make(chan error, 1)
		go func() { kept <- store.Close() }()
		return errors.Join(plugins.Close(ctx), <-kept)
	}
	return api.New(api.Options{Ledger: store, Host: plugins, Log: log, Step: b.Step}), closeAll, nil
}

// Restore is for cli.Env: it puts a backup in the place of the ledger that Open
// opens.
func (b Wiring) Restore(ctx context.Context, req api.RestoreRequest, logs io.Writer) (api.RestoreResult, error) {
	path, err := b.ledgerPath()
	if err != nil {
		return api.RestoreResult{}, err
	}
	return api.Restore(ctx, path, req, b.log(logs), time.Now)
}

// StateDir is $MESON_STATE_DIR, else meson below the user's state directory. It
// need not be there.
func (b Wiring) StateDir() (string, error) {
	if dir := b.Getenv("MESON_STATE_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	state := b.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home := b.Getenv("HOME")
		if home == "" {
			return "", &core.Error{Kind: core.Invalid, Op: "find the state directory", Text: "HOME is not set", Hint: "set MESON_STATE_DIR"}
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "meson"), nil
}

// ledgerPath is ledger.db in StateDir.
func (b Wiring) ledgerPath() (string, error) {
	dir, err := b.StateDir()
	return filepath.Join(dir, "ledger.db"), err
}

func (b Wiring) log(w io.Writer) *slog.Logger {
	level := slog.LevelWarn
	if text := b.Getenv("MESON_LOG_LEVEL"); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			fmt.Fprintf(w, "meson: MESON_LOG_LEVEL: %v\n", err)
		}
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: terse}))
}

// terse leaves the date out of log lines.
func terse(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.String(slog.TimeKey, a.Value.Time().UTC().Format(time.TimeOnly))
	}
	return a
}
