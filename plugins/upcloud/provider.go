package upcloud

import (
	"context"
	"log/slog"
	"regexp"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/service"

	"github.com/mesoncloud/meson/sdk"
)

// Provider is one account with what the configuration says of it.
type Provider struct {
	name   string
	config *Config
	log    *slog.Logger
	step   func(string)
	now    func() time.Time
	// wire is nil where there are no credentials.
	wire *wire
	api  *service.Service

	book *priceBook
	// listPrices is what the book sells; it is asked where there are no credentials.
	listPrices *shop
	// systems are the public templates that are known, titles those of the
	// configured images.
	systems []system
	titles  []*regexp.Regexp

	// What changes by the day is kept for minutes, what changes by the deed for
	// seconds.
	shops     cached[*shop]
	templates cached[[]template]
	uses      cached[*use]
	ipv4s     cached[int]
	stocks    cached[map[string]map[string]int]
	networks  cached[map[string]string]

	timing *timing
	memory *memory
	// reverting is what is being restored.
	reverting reverts
	// busy keeps two calls about one key or server apart.
	busy sdk.Keys
}

var _ sdk.Provider = (*Provider)(nil)

const (
	dayLife  = 10 * time.Minute
	deedLife = 20 * time.Second
)

func open(name string, config *Config, log *slog.Logger, hooks Hooks) (*Provider, error) {
	p := &Provider{name: name, config: config, log: log, step: hooks.Step, now: hooks.Now, systems: systems(), timing: usual().faster(hooks.Haste)}
	p.memory = newMemory(p.timing)
	if p.step == nil {
		p.step = func(string) {}
	}
	if p.now == nil {
		p.now = time.Now
	}
	for _, im := range config.Images {
		title, err := im.pattern()
		if err != nil {
			return nil, &sdk.Error{Kind: sdk.Invalid, Op: "open provider", Subject: "image " + im.label(), Err: err}
		}
		p.titles = append(p.titles, title)
	}
	if err := p.openBook(); err != nil {
		return nil, &sdk.Error{Kind: sdk.Internal, Op: "open price book", Source: sdk.SourcePlugin, Err: err}
	}
	p.shops = cached[*shop]{life: dayLife, now: p.now, load: p.readShop}
	p.templates = cached[[]template]{life: dayLife, now: p.now, load: p.readTemplates}
	p.uses = cached[*use]{life: deedLife, now: p.now, load: p.readUse}
	p.ipv4s = cached[int]{life: deedLife, now: p.now, load: p.readIPv4}
	p.stocks = cached[map[string]map[string]int]{life: deedLife, now: p.now, load: p.readStock}
	p.networks = cached[map[string]string]{life: deedLife, now: p.now, load: p.readNetworks}
	if config.HasCredentials() {
		p.wire = newWire(config, log)
		p.api = service.New(p.wire)
	}
	return p, nil
}

// cloud is the API, Denied where there are no credentials.
func (p *Provider) cloud() (*service.Service, error) {
	if p.api == nil {
		return nil, &sdk.Error{
			Kind: sdk.Denied, Subject: "provider " + p.name, Source: sdk.SourcePlugin,
			Text: p.noCredentials(), Hint: "give the provider the secret token, or username and password",
		}
	}
	return p.api, nil
}

// noCredentials is why offers can be quoted and not bought.
func (p *Provider) noCredentials() string { return "no credentials for " + p.name }

// Close lets idle connections go.
func (p *Provider) Close(context.Context) error {
	if p.wire != nil {
		p.wire.close()
	}
	return nil
}
