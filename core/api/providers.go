package api

import (
	"context"
	"slices"
	"sync"

	"github.com/mesoncloud/meson/core"
)

// AddProvider checks the settings with the plugin, tests the provider, and keeps
// it. One of which nothing works is kept only with Force; its check items are
// returned along with the error.
func (m *Meson) AddProvider(ctx context.Context, req AddProviderRequest) (ProviderInfo, []core.CheckItem, error) {
	schema := ""
	plugin := core.ProviderConfig{Name: req.Name, Plugin: req.Plugin, Connect: req.Connect}
	if about, err := m.Host.Provider(plugin).Describe(ctx); err == nil {
		schema = about.ConfigSchema
	}
	cfg, err := m.config(req, schema)
	if err != nil {
		return ProviderInfo{}, nil, err
	}
	items, err := m.Host.Provider(cfg).Check(ctx)
	if err != nil && (!req.Force || core.KindOf(err) == core.Invalid) {
		return ProviderInfo{}, items, err
	}
	if !req.Force && len(items) > 0 && !slices.ContainsFunc(items, works) {
		return ProviderInfo{}, items, &core.Error{
			Kind: core.Unavailable, Op: "add provider", Subject: cfg.Name, Text: "nothing of it works: " + items[0].Text,
			Hint: "--force keeps it all the same",
		}
	}
	if err := m.Ledger.PutProvider(ctx, cfg); err != nil {
		return ProviderInfo{}, items, err
	}
	return ProviderInfo{ProviderConfig: cfg, SettingsJSON: string(cfg.Settings)}, items, nil
}

func fails(i core.CheckItem) bool { return i.Verdict == core.VerdictFailed }

func works(i core.CheckItem) bool { return !fails(i) }

// Providers are all that are configured.
func (m *Meson) Providers(ctx context.Context) ([]ProviderInfo, error) {
	configs, err := m.Ledger.Providers(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]ProviderInfo, len(configs))
	for i, cfg := range configs {
		infos[i] = ProviderInfo{ProviderConfig: cfg, SettingsJSON: string(cfg.Settings)}
	}
	return infos, nil
}

// Provider is one that is configured, with what its plugin says of itself.
func (m *Meson) Provider(ctx context.Context, name string) (ProviderInfo, error) {
	cfg, err := m.Ledger.Provider(ctx, name)
	if err != nil {
		return ProviderInfo{}, err
	}
	info := ProviderInfo{ProviderConfig: cfg, SettingsJSON: string(cfg.Settings)}
	about, err := m.Host.Provider(cfg).Describe(ctx)
	if err != nil {
		info.Error = core.AsError(err, "provider "+name)
	} else {
		info.Description = &about
	}
	return info, nil
}

// RemoveProvider forgets a provider; Conflict while machines are there.
func (m *Meson) RemoveProvider(ctx context.Context, name string) error {
	return m.Ledger.DeleteProvider(ctx, name)
}

// TestProvider asks a provider what it answers and what its credentials allow.
// If nothing of it fails, what it refused before is forgotten: it may have been
// put right.
func (m *Meson) TestProvider(ctx context.Context, name string) ([]core.CheckItem, error) {
	cfg, err := m.Ledger.Provider(ctx, name)
	if err != nil {
		return nil, err
	}
	items, err := m.Host.Provider(cfg).Check(ctx)
	if err != nil || !slices.ContainsFunc(items, works) || slices.ContainsFunc(items, fails) {
		return items, err
	}
	return items, m.Ledger.Forget(ctx, name, "", "")
}

// Plugins lists what is installed, describing each that may run.
func (m *Meson) Plugins(ctx context.Context) ([]PluginInfo, error) {
	found := m.Host.Installed()
	infos := make([]PluginInfo, len(found))
	var all sync.WaitGroup
	for i, f := range found {
		infos[i] = PluginInfo{Name: f.Name, Path: f.Path}
		switch {
		case f.ShadowedBy != "":
			infos[i].Error = "not used: " + f.ShadowedBy + " comes first"
		case f.Refused != "":
			infos[i].Error = "refused: " + f.Refused
		default:
			all.Go(func() {
				about, err := m.describe(ctx, f.Name)
				if err != nil {
					infos[i].Error = err.Error()
					return
				}
				infos[i].Description = &about
			})
		}
	}
	all.Wait()
	return infos, nil
}

func (m *Meson) describe(ctx context.Context, plugin string) (core.Description, error) {
	p, err := m.Host.Plugin(ctx, plugin)
	if err != nil {
		return core.Description{}, err
	}
	return p.Describe(ctx)
}

// Discover asks every plugin at once what could be added from here. A plugin
// that cannot say adds nothing.
func (m *Meson) Discover(ctx context.Context) ([]core.Discovery, error) {
	found := m.Host.Installed()
	answers := make([][]core.Discovery, len(found))
	var all sync.WaitGroup
	for i, f := range found {
		if f.Refused != "" || f.ShadowedBy != "" {
			continue
		}
		all.Go(func() {
			p, err := m.Host.Plugin(ctx, f.Name)
			if err == nil {
				answers[i], err = p.Discover(ctx)
			}
			if err != nil {
				m.Log.Warn("plugin cannot discover", "plugin", f.Name, "error", err)
			}
		})
	}
	all.Wait()
	return slices.Concat(answers...), nil
}
