package iscsi

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
)

// Provider is one configured set of vaults. Its methods are those of sdk.Storage and
// of the abilities of volumes.
type Provider struct {
	name   string
	config *Config
	log    *slog.Logger
	step   func(string)
	opened time.Time
	store  *store
	// own is whether the store is this provider's, and not a resident part's.
	own bool

	// busy is held per volume by the one call of this process that changes it.
	busy sdk.Keys
	jobs jobs
	// working ends when the provider closes.
	working context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup
	// looked is closed when what is recorded has been looked at once; nil where a
	// resident part does that, all the time.
	looked chan struct{}
}

var _ sdk.Storage = (*Provider)(nil)

func open(ctx context.Context, name string, config *Config, log *slog.Logger, hooks Hooks, home *Home) (*Provider, error) {
	p := &Provider{name: name, config: config, log: log, step: hooks.Step, opened: time.Now()}
	if p.step == nil {
		p.step = func(string) {}
	}
	switch {
	case home != nil && home.store != nil && len(config.all()) > 0:
		return nil, sdk.InvalidFaults("open provider", []sdk.Fault{{
			Path: "path", Have: config.all()[0].Path, Want: "nothing",
			Text: "the resident part that was connected to has its own vaults: leave path and vaults out",
		}})
	case home != nil && home.store != nil:
		p.store, p.config = home.store, config.of(home.store.config)
	case len(config.all()) == 0:
		return nil, sdk.InvalidFaults("open provider", []sdk.Fault{{Path: "path", Want: "the directory of a vault", Text: "there is no vault: set path, or vaults"}})
	default:
		s, err := openStore(ctx, config, log, hooks.Step)
		if err != nil {
			return nil, err
		}
		s.resident = home != nil
		p.store, p.own = s, true
	}
	p.working, p.stop = context.WithCancel(context.Background())
	if p.own {
		looked := make(chan struct{})
		if !p.store.resident {
			p.looked = looked
		}
		p.wg.Go(func() {
			defer close(looked)
			p.store.keep(p.working)
		})
	}
	return p, nil
}

// of are the prices of a provider's own settings and the vaults of a resident part.
func (c *Config) of(home *Config) *Config {
	all := *home
	all.Region, all.Zone = c.Region, c.Zone
	if all.Zone == "" {
		all.Zone = home.Zone
	}
	all.Currency, all.GiBMonth, all.RawGiBMonth, all.SharedGiBMonth, all.Free = c.Currency, c.GiBMonth, c.RawGiBMonth, c.SharedGiBMonth, c.Free
	return &all
}

// PriceList is the configuration's, as of the time when the provider was opened.
func (p *Provider) PriceList(context.Context) (*pricing.List, error) {
	return p.config.priceList(p.opened)
}

// lookTime is how long a provider that is closed still looks whether what is recorded
// is served: a host gives a plugin a second to end.
const lookTime = 800 * time.Millisecond

// Close lets background work stop, until ctx ends. What is served is served on. Where
// no resident part looks after it, the look that began with the provider is waited for
// a moment first, so that each command serves again what has died; what it does not
// come to is left as it is, to the next one.
func (p *Provider) Close(ctx context.Context) error {
	if p.looked != nil {
		select {
		case <-p.looked:
		case <-time.After(lookTime):
		case <-ctx.Done():
		}
	}
	p.stop()
	done := make(chan struct{})
	go func() {
		p.wg.Wait()
		p.jobs.wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return &sdk.Error{Kind: sdk.Unavailable, Op: "close provider", Subject: p.name, Text: "work is still under way"}
	}
	if p.own {
		return p.store.close()
	}
	return nil
}
