package iscsi

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/tailscale/hujson"

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
		if err := Serve(ctx, os.Args[2:], log, Hooks{}); err != nil {
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

const serveUsage = `want serve --listen unix:PATH, with
  --config FILE   settings like a provider's, as JSON with comments
  --vault DIR     a vault, beside those of the file; may be given several times
Without either, each provider that connects brings its own vaults.`

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
	err = sdk.ServeUnix(ctx, sdk.NewServer(Definition(hooks, home), log), path)
	stop()
	wg.Wait()
	if home.store != nil {
		if cerr := home.store.close(); err == nil {
			err = cerr
		}
	}
	return err
}

// dirs is a flag that may be given several times.
type dirs []string

// String is for package flag.
func (d *dirs) String() string { return strings.Join(*d, ",") }

// Set adds one.
func (d *dirs) Set(s string) error {
	*d = append(*d, s)
	return nil
}

func serveFlags(args []string) (config *Config, path string, err error) {
	var vaults dirs
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	listen := flags.String("listen", "", "")
	file := flags.String("config", "", "")
	flags.Var(&vaults, "vault", "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return nil, "", sdk.Errorf(sdk.Invalid, "%s", serveUsage)
	}
	path, ok := strings.CutPrefix(*listen, "unix:")
	if !ok || path == "" {
		return nil, "", sdk.Errorf(sdk.Invalid, "--listen %q: %s", *listen, serveUsage)
	}
	if *file == "" && len(vaults) == 0 {
		return nil, path, nil
	}
	settings := map[string]any{}
	if *file != "" {
		text, err := os.ReadFile(*file)
		if err != nil {
			return nil, "", sdk.Errorf(sdk.Invalid, "%w", err)
		}
		if text, err = hujson.Standardize(text); err == nil {
			err = json.Unmarshal(text, &settings)
		}
		if err != nil {
			return nil, "", sdk.Errorf(sdk.Invalid, "%s: %w", *file, err)
		}
	}
	all, _ := settings["vaults"].([]any)
	for _, dir := range vaults {
		all = append(all, map[string]any{"path": dir})
	}
	if len(all) > 0 {
		settings["vaults"] = all
	}
	// Prices are each provider's own.
	if settings["currency"] == nil && settings["gib_month"] == nil {
		settings["free"] = true
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, "", err
	}
	config, err = sdk.DecodeConfig[Config](text, nil)
	return config, path, err
}
