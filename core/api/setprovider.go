package api

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tidwall/sjson"

	"github.com/mesoncloud/meson/core"
)

// SetProviderRequest changes a provider that is configured. What it does not
// name stays as it is.
type SetProviderRequest struct {
	Name string
	// Unset holds dotted paths of settings, or keys of secrets, to be dropped. It
	// comes before Set.
	Unset []string
	// Set is as in AddProviderRequest, laid over the settings.
	Set []string
	// SecretFiles are paths by key, in place of those of the same keys.
	SecretFiles map[string]string
	// Connect, if not nil, is the address of a resident plugin; empty: the plugin
	// is started.
	Connect *string
	// Force keeps settings with which the provider does not answer its check.
	Force bool
}

// SetProvider checks the changed settings with the plugin, tests the provider
// with them, and keeps them, as AddProvider does; otherwise all stays as it was.
// Conflict where somebody else has changed it meanwhile.
func (m *Meson) SetProvider(ctx context.Context, req SetProviderRequest) (ProviderInfo, []core.CheckItem, error) {
	was, err := m.Ledger.Provider(ctx, req.Name)
	if err != nil {
		return ProviderInfo{}, nil, err
	}
	next := was
	if req.Connect != nil {
		next.Connect = *req.Connect
	}
	if next, err = change(next, req, m.schema(ctx, next)); err != nil {
		return ProviderInfo{}, nil, err
	}
	items, err := m.check(ctx, "set provider", next, req.Force)
	if err != nil {
		return ProviderInfo{}, items, err
	}
	if now, err := m.Ledger.Provider(ctx, req.Name); err != nil {
		return ProviderInfo{}, items, err
	} else if !equal(now, was) {
		return ProviderInfo{}, items, &core.Error{
			Kind: core.Conflict, Op: "set provider", Subject: "provider " + req.Name, Text: "it was changed meanwhile; nothing is kept",
			Hint: "meson provider show " + req.Name,
		}
	}
	if err := m.Ledger.UpdateProvider(ctx, next); err != nil {
		return ProviderInfo{}, items, err
	}
	return ProviderInfo{ProviderConfig: next, SettingsJSON: string(next.Settings)}, items, nil
}

// change is a configuration with the changes asked for, all faults at once.
func change(cfg core.ProviderConfig, req SetProviderRequest, schema string) (core.ProviderConfig, error) {
	e := &core.Error{Kind: core.Invalid, Op: "set provider", Subject: "provider " + cfg.Name}
	fault := faulter(e)
	cfg.SecretFiles = maps.Clone(cfg.SecretFiles)
	if len(cfg.Settings) == 0 {
		cfg.Settings = []byte("{}")
	}
	for _, key := range req.Unset {
		if _, ok := cfg.SecretFiles[key]; ok {
			delete(cfg.SecretFiles, key)
			continue
		}
		settings, err := sjson.DeleteBytes(slices.Clone(cfg.Settings), key)
		if err != nil || bytes.Equal(settings, cfg.Settings) {
			fault("--unset", key, fmt.Sprintf("a setting or a secret that it has; meson provider show %s has them", cfg.Name))
			continue
		}
		cfg.Settings = settings
	}
	cfg.Settings = lay(cfg.Settings, schema, req.Set, fault)
	files := absolute(req.SecretFiles, fault)
	if cfg.SecretFiles == nil {
		cfg.SecretFiles = files
	}
	maps.Copy(cfg.SecretFiles, files)
	if len(e.Faults) > 0 {
		return core.ProviderConfig{}, e
	}
	return cfg, nil
}

func equal(a, b core.ProviderConfig) bool {
	return a.Plugin == b.Plugin && a.Connect == b.Connect && bytes.Equal(a.Settings, b.Settings) &&
		maps.Equal(a.SecretFiles, b.SecretFiles) && a.CreatedAt.Equal(b.CreatedAt)
}
