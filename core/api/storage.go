package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/host"
)

const (
	storageService = "meson.plugin.v1.Storage"
	imagesService  = "meson.plugin.v1.Images"
)

// How long a storage provider is waited for: to start, to list what it has, and
// to find one volume that something is to be done to.
const (
	startStorage = 20 * time.Second
	listStorage  = 10 * time.Second
	findStorage  = 30 * time.Second
)

// storage are the providers that make volumes, all or the one of a name, and why
// others cannot be asked whether they do. A named one that makes none is
// Unsupported.
func (m *Meson) storage(ctx context.Context, only string) ([]*host.Provider, []core.Answer, error) {
	return m.serving(ctx, storageService, only, "makes no volumes")
}

// serving is storage for any service; lacks is what is said of a plugin without
// it.
func (m *Meson) serving(ctx context.Context, service, only, lacks string) ([]*host.Provider, []core.Answer, error) {
	configs, err := m.Ledger.Providers(ctx)
	if err != nil {
		return nil, nil, err
	}
	configs = slices.DeleteFunc(configs, func(c core.ProviderConfig) bool { return only != "" && c.Name != only })
	if len(configs) == 0 && only != "" {
		return nil, nil, &core.Error{Kind: core.NotFound, Subject: "provider " + only, Text: "not configured", Hint: "meson provider ls"}
	}
	ctx, cancel := context.WithTimeout(ctx, startStorage)
	defer cancel()
	all := make([]*host.Provider, len(configs))
	failed := make([]error, len(configs))
	var asked sync.WaitGroup
	for i, cfg := range configs {
		asked.Go(func() {
			p := m.Host.Provider(cfg)
			about, err := p.Describe(ctx)
			switch {
			case err != nil:
				failed[i] = err
			case slices.Contains(about.Services, service):
				all[i] = p
			}
		})
	}
	asked.Wait()
	var providers []*host.Provider
	var failures []core.Answer
	for i, cfg := range configs {
		switch {
		case failed[i] != nil:
			failures = append(failures, notAsked(cfg.Name, cfg.Plugin, failed[i]))
		case all[i] != nil:
			providers = append(providers, all[i])
		case only != "":
			return nil, nil, &core.Error{Kind: core.Unsupported, Subject: "provider " + only, Text: "plugin " + cfg.Plugin + " " + lacks}
		}
	}
	return providers, failures, nil
}

func notAsked(provider, plugin string, err error) core.Answer {
	return core.Answer{Provider: provider, Plugin: plugin, Err: core.AsError(err, "provider "+provider)}
}

// each asks several providers at once, for so long at most; what ask returns comes in their order, and
// an error is a failure of that provider alone.
func each[T any](ctx context.Context, limit time.Duration, providers []*host.Provider, ask func(context.Context, *host.Provider) ([]T, error)) ([]T, []core.Answer) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answers := make([][]T, len(providers))
	errs := make([]error, len(providers))
	var all sync.WaitGroup
	for i, p := range providers {
		all.Go(func() { answers[i], errs[i] = ask(ctx, p) })
	}
	all.Wait()
	var list []T
	var failures []core.Answer
	for i, p := range providers {
		list = append(list, answers[i]...)
		if errs[i] != nil {
			failures = append(failures, notAsked(p.Name(), p.Plugin(), errs[i]))
		}
	}
	return list, failures
}
