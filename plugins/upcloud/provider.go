package upcloud

import (
	"context"
	"log/slog"
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
}

var _ sdk.Provider = (*Provider)(nil)

func open(name string, config *Config, log *slog.Logger, hooks Hooks) (*Provider, error) {
	p := &Provider{name: name, config: config, log: log, step: hooks.Step, now: hooks.Now}
	if p.step == nil {
		p.step = func(string) {}
	}
	if p.now == nil {
		p.now = time.Now
	}
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
