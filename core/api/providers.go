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
	cfg, err := m.config(req, m.schema(ctx, core.ProviderConfig{Name: req.Name, Plugin: req.Plugin, Connect: req.Connect}))
	if err != nil {
		return ProviderInfo{}, nil, err
	}
	items, err := m.check(ctx, "add provider", cfg, req.Force)
	if err != nil {
		return ProviderInfo{}, items, err
	}
	if err := m.Ledger.PutProvider(ctx, cfg); err != nil {
		return ProviderInfo{}, items, err
	}
	return ProviderInfo{ProviderConfig: cfg, SettingsJSON: string(cfg.Settings)}, items, nil
}

// schema is that of a plugin's settings, empty where it does not say.
func (m *Meson) schema(ctx context.Context, cfg core.ProviderConfig) string {
	about, err := m.Host.Provider(cfg).Describe(ctx)
	if err != nil {
		return ""
	}
	return about.ConfigSchema
}

// check lets the plugin look at a configuration, and tests the provider with it.
// It errs where that may not be kept: settings that are wrong ever, a provider of
// which nothing works unless it is forced.
func (m *Meson) check(ctx context.Context, op string, cfg core.ProviderConfig, force bool) ([]core.CheckItem, error) {
	items, err := m.Host.Provider(cfg).Check(ctx)
	switch {
	case err != nil && (!force || core.KindOf(err) == core.Invalid):
		return items, err
	case err == nil && !force && len(items) > 0 && !slices.ContainsFunc(items, works):
		return items, &core.Error{
			Kind: core.Unavailable, Op: op, Subject: cfg.Name, Text: "nothing of it works: " + items[0].Text,
			Hint: "--force keeps it all the same",
		}
	}
	return items, nil
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
