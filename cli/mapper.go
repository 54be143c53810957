package cli

import (
	"context"

	"github.com/mesoncloud/meson/cli/mapping"
	"github.com/mesoncloud/meson/core"
)

// Mapper makes volumes files of this machine; *mapping.Mapper is one.
type Mapper interface {
	Consumer(networks []string) core.Consumer
	Map(ctx context.Context, req mapping.Request) (mapping.Mapping, error)
	Unmap(ctx context.Context, id string, opts mapping.UnmapOptions) error
	List(ctx context.Context) ([]mapping.Mapping, error)
}

var _ Mapper = (*mapping.Mapper)(nil)

// mapper gives that of this machine.
func (a *app) mapper() (Mapper, error) {
	if a.env.Mapper == nil {
		return nil, core.Errorf(core.Unsupported, "volumes cannot be mapped here")
	}
	return a.env.Mapper()
}
