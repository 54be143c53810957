package sdk

import (
	"context"
	"log/slog"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Definition is a plugin. C is its configuration, a struct with the tags that
// config.go describes; P is its provider, whose type tells which services and
// abilities the plugin has.
type Definition[C any, P Provider] struct {
	// Name is [a-z][a-z0-9-]{0,30}; the binary is meson-plugin-NAME.
	Name    string
	Version string
	// Summary is one sentence for people.
	Summary string
	// ConsistencyWindow is how long an object that was made may be missing from
	// Get and List.
	ConsistencyWindow time.Duration
	// LiveInventory is true where refusals for capacity need not be remembered.
	LiveInventory bool
	// Consumes lists the ways in which machines can reach a volume.
	Consumes []pb.ConnectionKind
	// Open makes a provider from a valid configuration. It may look around, but
	// a cloud or host that does not answer is no error: the provider says so in
	// its answers. It must return within 10 s.
	Open func(ctx context.Context, name string, config *C, log *slog.Logger) (P, error)
	// Discover says what could be added from here; nil: nothing ever.
	Discover func(ctx context.Context) ([]*pb.Discovery, error)
}
