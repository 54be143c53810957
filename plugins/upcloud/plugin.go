// Package upcloud makes machines at UpCloud through its API 1.3.
//
// Everything about a machine stands on the server itself: the owner's labels are
// written in the request that makes it. What the plugin keeps in memory (plans,
// zones, prices, templates, limits) it can read again at any time.
package upcloud

import (
	"context"
	"log/slog"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Version is the plugin's.
const Version = "0.1.0"

// Hooks let a test look into the plugin's work.
type Hooks struct {
	// Step is called at every named step of a call that changes something, on the
	// goroutine that does the work, just after what the name says has happened.
	Step func(name string)
	// Now is the clock that offers and what is kept in memory are dated by; nil:
	// time.Now.
	Now func() time.Time
	// Haste is how many times sooner than usual servers are looked at and given up,
	// for clouds whose time is faster. 0 is 1.
	Haste int
}

// Definition is the plugin.
func Definition(hooks Hooks) sdk.Definition[Config, *Provider] {
	return sdk.Definition[Config, *Provider]{
		Name:              "upcloud",
		Version:           Version,
		Summary:           "Servers of UpCloud, by plan or by free core and memory, at the prices of your account.",
		ConsistencyWindow: usual().faster(hooks.Haste).window,
		// Servers reach UpCloud's own storages, by their UUIDs.
		Consumes: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NATIVE},
		Open: func(_ context.Context, name string, config *Config, log *slog.Logger) (*Provider, error) {
			return open(name, config, log, hooks)
		},
		// Nothing is ever discovered: an account could be found only by the
		// credentials in somebody's environment, and those are nobody's consent.
		Discover: nil,
	}
}
