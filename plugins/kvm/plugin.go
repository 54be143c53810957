// Package kvm makes machines on libvirt hosts.
//
// Everything about a machine stands on its host: the domain carries the owner's
// labels and the claim on cores and memory in its metadata, and its volumes are
// named by its UUID, which follows from broker and key. The plugin keeps nothing
// that it could not read again.
package kvm

import (
	"context"
	"log/slog"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Version is the plugin's.
const Version = "0.1.0"

// Hooks let a test look into the plugin's work.
type Hooks struct {
	// Step is called at every named step of a call that changes something, on the
	// goroutine that does the work, just after what the name says has happened.
	Step func(name string)
}

// Steps are the names that Hooks.Step gets, in order; those of a Create first.
func Steps() []string {
	return []string{
		"claim.defined", "claim.looked", "claim.held", "image.made", "image.sent", "image.done",
		"disk.made", "seed.made", "seed.sent", "volumes.made", "machine.started", "machine.marked",
		"delete.stopped", "delete.disk", "delete.seed", "delete.secrets", "delete.log", "delete.undefined",
	}
}

// LinkSteps are those of an Attach, which are also those of a Create with volumes
// for each of them, and of a Detach.
func LinkSteps() []string {
	return []string{
		"attach.noted", "attach.secret", "attach.attached",
		"detach.released", "detach.removed", "detach.secret", "detach.noted",
	}
}

// Definition is the plugin.
func Definition(hooks Hooks) sdk.Definition[Config, *Provider] {
	return sdk.Definition[Config, *Provider]{
		Name:    "kvm",
		Version: Version,
		Summary: "Machines on your own libvirt hosts, with cores that are pinned and counted.",
		// A request that a killed plugin has sent is still carried out by its host.
		ConsistencyWindow: time.Second,
		LiveInventory:     true,
		Open: func(ctx context.Context, name string, config *Config, log *slog.Logger) (*Provider, error) {
			return open(name, config, log, hooks)
		},
		Discover: discover,
	}
}
