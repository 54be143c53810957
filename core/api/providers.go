package api

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/mesoncloud/meson/core"
)

// AddProvider checks the settings with the plugin, tests the provider, and keeps
// it. One of which nothing works is kept only with Force; its check items are
// returned along with the error.
func (m *Meson) AddProvider(ctx context.Context, req AddProviderRequest) (ProviderInfo, []core.CheckItem, error) {
	schema := ""
	if about, err := m.describe(ctx, req.Plugin); err == nil {
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
	if !req.Force && len(items) > 0 && !slices.ContainsFunc(items, func(i core.CheckItem) bool { return i.Verdict != core.VerdictFailed }) {
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

// config is a provider's configuration as asked for, all faults at once.
func (m *Meson) config(req AddProviderRequest, schema string) (core.ProviderConfig, error) {
	e := &core.Error{Kind: core.Invalid, Op: "add provider", Subject: req.Name}
	fault := func(path, have, want string) {
		e.Faults = append(e.Faults, core.Fault{Path: path, Have: have, Want: want, Text: fmt.Sprintf("%q: want %s", have, want)})
	}
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`).MatchString(req.Name) {
		fault("NAME", req.Name, "up to 32 of a-z, 0-9 and -, such as rack1")
	}
	if req.Plugin == "" {
		fault("--plugin", "", "a plugin's name; meson plugin ls shows them")
	}
	settings := req.Settings
	if len(settings) == 0 {
		settings = []byte("{}")
	}
	if !json.Valid(settings) {
		fault("--config", "", "one JSON object")
		settings = []byte("{}")
	}
	for _, pair := range req.Set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			fault("--set", pair, "key=value")
			continue
		}
		next, err := set(settings, schema, key, value)
		if err != nil {
			fault("--set", pair, err.Error())
			continue
		}
		settings = next
	}
	files := make(map[string]string, len(req.SecretFiles))
	for key, file := range req.SecretFiles {
		abs, err := filepath.Abs(file)
		if err != nil {
			fault("--secret", key, err.Error())
		}
		files[key] = abs
	}
	if len(e.Faults) > 0 {
		return core.ProviderConfig{}, e
	}
	return core.ProviderConfig{
		Name: req.Name, Plugin: req.Plugin, Settings: settings, SecretFiles: files, Connect: req.Connect, CreatedAt: m.Now().UTC(),
	}, nil
}

// set puts a value at a dotted path: JSON if it is JSON, else a text. Where the
// plugin's schema has a text, only a quoted one is JSON.
func set(settings []byte, schema, key, value string) ([]byte, error) {
	if json.Valid([]byte(value)) && (value[0] == '"' || typeAt(schema, key) != "string") {
		return sjson.SetRawBytes(settings, key, []byte(value))
	}
	return sjson.SetBytes(settings, key, value)
}

// typeAt is the type that a JSON Schema gives the value at a dotted path, empty
// where it does not say.
func typeAt(schema, key string) string {
	at := gjson.Parse(schema)
	for part := range strings.SplitSeq(key, ".") {
		if ref := at.Get("$ref").String(); strings.HasPrefix(ref, "#/") {
			at = gjson.Get(schema, strings.ReplaceAll(ref[2:], "/", "."))
		}
		if at.Get("type").String() == "array" {
			at = at.Get("items")
			continue
		}
		at = at.Get("properties." + part)
	}
	return at.Get("type").String()
}

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
		info.Error = describeError(err)
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
func (m *Meson) TestProvider(ctx context.Context, name string) ([]core.CheckItem, error) {
	cfg, err := m.Ledger.Provider(ctx, name)
	if err != nil {
		return nil, err
	}
	return m.Host.Provider(cfg).Check(ctx)
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

func describeError(err error) *core.Error {
	if e, ok := err.(*core.Error); ok { //nolint:errorlint // the outermost one names the operation
		return e
	}
	return &core.Error{Kind: core.KindOf(err), Err: err}
}
