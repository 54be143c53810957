// Package iscsi makes volumes in vaults: directories of a server whose volumes are
// folders with images, reached as files by machines of the same host, over iSCSI by
// those of others, and, where many write at once, over NFS.
//
// Everything about a volume stands in its folder (package vault): who owns it, who
// uses it, with which right, and what is under way. The daemons that serve it run
// in sessions of their own (packages image, target and share) and are found again.
// So the plugin keeps nothing that it could not read again: killed at any instant,
// another one goes on.
//
// What writes is decided in this order, and undone in the reverse: the use is
// recorded in the vault with an epoch that nobody had before; then it is served
// under a name with that epoch; whoever wants it gone is first cut off at the
// server of the bytes, and only then is the record removed.
package iscsi

import (
	"context"
	"log/slog"

	"github.com/mesoncloud/meson/sdk"
)

// Version is the plugin's.
const Version = "0.1.0"

// Hooks let a test look into the plugin's work.
type Hooks struct {
	// Step is called at every named step of a call that changes something, just after
	// what the name says has happened.
	Step func(name string)
}

// Definition is the plugin, of which each provider opens the vaults of its own
// settings. Home is not nil where it lives on, as a resident part without vaults.
func Definition(hooks Hooks, home *Home) sdk.Definition[Config, *Provider] {
	return definition(func(ctx context.Context, name string, c *Config, log *slog.Logger) (*Provider, error) {
		return open(ctx, name, c, log, hooks, home)
	})
}

// joined is the plugin as a resident part that has vaults: every provider has those.
func joined(hooks Hooks, home *Home) sdk.Definition[JoinedConfig, *Provider] {
	return definition(func(_ context.Context, name string, c *JoinedConfig, log *slog.Logger) (*Provider, error) {
		return join(name, c, log, hooks, home.store), nil
	})
}

func definition[C any](open func(ctx context.Context, name string, c *C, log *slog.Logger) (*Provider, error)) sdk.Definition[C, *Provider] {
	return sdk.Definition[C, *Provider]{
		Name:          "iscsi",
		Version:       Version,
		Summary:       "Volumes in directories of a server, exported as files, over iSCSI and over NFS.",
		LiveInventory: true,
		Open:          open,
	}
}
