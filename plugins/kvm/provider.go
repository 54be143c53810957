package kvm

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
)

// Provider is one configured set of hosts. Its methods are those of
// sdk.Compute, sdk.Power, sdk.Console and sdk.Attacher.
type Provider struct {
	name   string
	config *Config
	log    *slog.Logger
	step   func(string)
	images imageStore
	opened time.Time

	// places in the order of the configuration, and by zone.
	places []*place
	byZone map[string]*place

	// working ends when the provider closes: what works in the background stops
	// at its next step.
	working context.Context
	stop    context.CancelFunc
	jobs    jobs
	// linking is held per machine by the one call that changes what is attached to
	// it, or removes it.
	linking sdk.Keys
}

var (
	_ sdk.Compute  = (*Provider)(nil)
	_ sdk.Power    = (*Provider)(nil)
	_ sdk.Console  = (*Provider)(nil)
	_ sdk.Attacher = (*Provider)(nil)
)

// place is one host with what the configuration says of it.
type place struct {
	Site
	host   *hosts.Host
	survey survey
	// uuid is libvirt's of the host, once it has been read.
	uuid atomic.Pointer[string]
	// claiming is held by the one Create of this process that claims cores
	// there, so that only processes have to withdraw from each other.
	claiming chan struct{}
	// uploading is held per image by the one Create that sends it there.
	uploading sdk.Keys
	// logs is held by the one Delete that removes a console log there.
	logs sdk.Keys
}

func open(name string, config *Config, log *slog.Logger, hooks Hooks) (*Provider, error) {
	p := &Provider{
		name: name, config: config, log: log, step: hooks.Step, opened: time.Now(),
		byZone: make(map[string]*place),
	}
	if p.step == nil {
		p.step = func(string) {}
	}
	for _, site := range config.Sites() {
		if p.byZone[site.Zone] != nil {
			return nil, &sdk.Error{
				Kind: sdk.Invalid, Op: "open provider", Subject: "host " + site.Zone,
				Text: "two hosts have this name", Hint: "give one of them another name",
			}
		}
		at := &place{Site: site, claiming: make(chan struct{}, 1), survey: survey{turn: make(chan struct{}, 1)}}
		p.byZone[site.Zone] = at
		p.places = append(p.places, at)
	}
	p.working, p.stop = context.WithCancel(context.Background())
	for _, at := range p.places {
		at.host = hosts.Open(hosts.Options{Name: at.Zone, URI: at.URI, Log: log})
		go at.keepWarm(p.working)
	}
	return p, nil
}

// Close lets background work stop at its next step, until ctx ends, and lets
// the connections go.
func (p *Provider) Close(ctx context.Context) error {
	p.stop()
	err := p.jobs.wait(ctx)
	for _, at := range p.places {
		at.host.Close()
	}
	if err != nil {
		return fmt.Errorf("close provider %s: work is still under way: %w", p.name, err)
	}
	return nil
}

// everywhere runs fn for all places at once and gives the errors in their
// order.
func everywhere(places []*place, fn func(i int, at *place) error) []error {
	errs := make([]error, len(places))
	var wg sync.WaitGroup
	for i, at := range places {
		wg.Go(func() { errs[i] = fn(i, at) })
	}
	wg.Wait()
	return errs
}

// effectTimeout bounds one call that changes something. It is not the caller's
// time: an effect that was begun is seen through.
const effectTimeout = 2 * time.Minute

// effect is the context of such a call.
func effect(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), effectTimeout)
}
