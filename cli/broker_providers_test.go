package cli_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func (b *memBroker) AddProvider(ctx context.Context, req api.AddProviderRequest) (api.ProviderInfo, []core.CheckItem, error) {
	checks := []core.CheckItem{{Subject: "connect", Verdict: core.VerdictOK, Text: "answers"}}
	if err := b.enter(ctx, "add"); err != nil {
		checks[0] = core.CheckItem{Subject: "connect", Verdict: core.VerdictFailed, Text: "refused", Hint: "is it on?"}
		return api.ProviderInfo{}, checks, err
	}
	info := api.ProviderInfo{
		ProviderConfig: core.ProviderConfig{Name: req.Name, Plugin: req.Plugin, Connect: req.Connect, SecretFiles: req.SecretFiles, CreatedAt: now()},
		SettingsJSON:   string(req.Settings), Description: &core.Description{Name: req.Plugin, Version: "v1", Summary: "sets " + strings.Join(req.Set, " ")},
	}
	b.providers = append(b.providers, info)
	return info, checks, nil
}

func (b *memBroker) SetProvider(ctx context.Context, req api.SetProviderRequest) (api.ProviderInfo, []core.CheckItem, error) {
	i := slices.IndexFunc(b.providers, func(p api.ProviderInfo) bool { return p.Name == req.Name })
	if i < 0 {
		return api.ProviderInfo{}, nil, &core.Error{Kind: core.NotFound, Subject: "provider " + req.Name, Text: "not configured"}
	}
	checks := []core.CheckItem{{Subject: "connect", Verdict: core.VerdictOK, Text: "answers"}}
	if err := b.enter(ctx, "set"); err != nil && !req.Force {
		checks[0] = core.CheckItem{Subject: "connect", Verdict: core.VerdictFailed, Text: "refused", Hint: "is it on?"}
		return api.ProviderInfo{}, checks, err
	}
	p := &b.providers[i]
	p.Description = &core.Description{Name: p.Plugin, Version: "v2", Summary: fmt.Sprintf("sets %v unsets %v", req.Set, req.Unset)}
	p.SecretFiles = req.SecretFiles
	if req.Connect != nil {
		p.Connect = *req.Connect
	}
	return *p, checks, nil
}

func (b *memBroker) Providers(ctx context.Context) ([]api.ProviderInfo, error) {
	return b.providers, b.enter(ctx, "providers")
}

func (b *memBroker) Provider(ctx context.Context, name string) (api.ProviderInfo, error) {
	for _, p := range b.providers {
		if p.Name == name {
			return p, b.enter(ctx, "provider")
		}
	}
	return api.ProviderInfo{}, &core.Error{Kind: core.NotFound, Subject: "provider " + name, Text: "not configured"}
}

func (b *memBroker) RemoveProvider(ctx context.Context, name string) error {
	if _, err := b.Provider(ctx, name); err != nil {
		return err
	}
	b.providers = slices.DeleteFunc(b.providers, func(p api.ProviderInfo) bool { return p.Name == name })
	return nil
}

func (b *memBroker) ProviderHolds(ctx context.Context, name string) ([]core.Forgotten, error) {
	_, err := b.Provider(ctx, name)
	return nil, err
}

func (b *memBroker) ForgetProvider(ctx context.Context, name string, _ []core.Forgotten) error {
	return b.RemoveProvider(ctx, name)
}

func (b *memBroker) TestProvider(ctx context.Context, name string) ([]core.CheckItem, error) {
	if _, err := b.Provider(ctx, name); err != nil {
		return nil, err
	}
	if err := b.enter(ctx, "test"); err != nil {
		return []core.CheckItem{{Subject: "connect", Verdict: core.VerdictFailed, Text: err.Error()}}, nil
	}
	return []core.CheckItem{{Subject: "connect", Verdict: core.VerdictOK, Text: "answers"}}, nil
}

func (b *memBroker) Plugins(ctx context.Context) ([]api.PluginInfo, error) {
	return []api.PluginInfo{
		{Name: "mem", Path: "/plugins/meson-plugin-mem", Description: &core.Description{Name: "mem", Version: "v1", Services: []string{"compute"}, ConfigSchema: `{"type":"object"}`}},
		{Name: "bad", Path: "/plugins/meson-plugin-bad", Error: "not executable" + b.evil},
	}, b.enter(ctx, "plugins")
}

func (b *memBroker) Discover(ctx context.Context) ([]core.Discovery, error) {
	return b.found, b.enter(ctx, "discover")
}

func (b *memBroker) Backup(ctx context.Context, file string) (api.BackupResult, error) {
	return api.BackupResult{File: file, Bytes: 4097}, b.enter(ctx, "backup")
}
