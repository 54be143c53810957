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
	if len(config.all()) == 0 {
		return nil, sdk.InvalidFaults("open provider", []sdk.Fault{{Path: "path", Want: "the directory of a vault", Text: "there is no vault: set path, or vaults"}})
	}
	s, err := openStore(ctx, config, log, hooks.Step)
	if err != nil {
		return nil, err
	}
	s.resident = home != nil
	p := newProvider(name, config, log, hooks, s)
	p.own = true
	looked := make(chan struct{})
	if !s.resident {
		p.looked = looked
	}
	p.wg.Go(func() {
		defer close(looked)
		s.keep(p.working)
	})
	return p, nil
}

// join opens a provider that has the vaults of a resident part.
func join(name string, config *JoinedConfig, log *slog.Logger, hooks Hooks, home *store) *Provider {
	return newProvider(name, config.at(home.config), log, hooks, home)
}

func newProvider(name string, config *Config, log *slog.Logger, hooks Hooks, s *store) *Provider {
	p := &Provider{name: name, config: config, log: log, step: hooks.Step, opened: time.Now(), store: s}
	if p.step == nil {
		p.step = func(string) {}
	}
	p.working, p.stop = context.WithCancel(context.Background())
	return p
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
