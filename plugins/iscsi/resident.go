package iscsi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/mesoncloud/meson/sdk"
)

// Home is what a resident part has of its own: vaults that it serves from its first
// moment, and that every provider which connects to it has. Without any, each
// provider brings its own.
type Home struct {
	store *store
}

// Main is the plugin's main function: the SDK's, but for the resident part, which
// has settings of its own.
func Main() int {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		log := slog.New(sdk.NewLogHandler(os.Stderr, sdk.LogOptions{Module: sdk.BinaryPrefix + "iscsi", Level: sdk.ParseLogLevel(os.Getenv(sdk.LogLevelEnv))}))
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop)
		err := Serve(ctx, os.Args[2:], log, Hooks{})
		if errors.Is(err, flag.ErrHelp) {
			fmt.Println(serveUsage)
			return 0
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "meson-plugin-iscsi: %v\n", err)
			if sdk.KindOf(err) == sdk.Invalid {
				return 2
			}
			return 1
		}
		return 0
	}
	return sdk.Main(Definition(Hooks{}, nil))
}

// Serve is the resident part: it serves what the vaults record until ctx ends, and
// answers providers that connect. What it serves is served on after its end, by the
// daemons, and found again by the next one.
func Serve(ctx context.Context, args []string, log *slog.Logger, hooks Hooks) error {
	config, path, err := serveFlags(args)
	if err != nil {
		return err
	}
	home := &Home{}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	if config != nil {
		s, err := openStore(ctx, config, log, hooks.Step)
		if err != nil {
			stop()
			return err
		}
		s.resident = true
		home.store = s
		wg.Go(func() { s.keep(keeping) })
	}
	server := sdk.NewServer(Definition(hooks, home), log)
	if home.store != nil {
		server = sdk.NewServer(joined(hooks, home), log)
		if config.Address == "" {
			log.Warn("volumes are not exported to other hosts", "hint", "start it with --address, or with address in the file of --config")
		}
	}
	err = sdk.ServeUnix(ctx, server, path)
	stop()
	wg.Wait()
	if home.store != nil {
		if cerr := home.store.close(); err == nil {
			err = cerr
		}
	}
	return err
}
