package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/ledger"
)

// provided is a provider as it is configured, without what every one has.
func (w *world) provided(name string) (settings map[string]any, secrets map[string]string, connect string) {
	w.t.Helper()
	cfg, err := w.ledger.Provider(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(cfg.Settings, &settings); err != nil {
		w.t.Fatal(err)
	}
	delete(settings, "state_dir")
	return settings, cfg.SecretFiles, cfg.Connect
}

func TestSetProvider(t *testing.T) {
	type settings = map[string]any
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere, empty := "unix:/nowhere", ""
	was := settings{"currency": "EUR", "capacity": 5.0, "zones": []any{settings{"name": "zone-a"}, settings{"name": "zone-b"}}}
	with := func(changes settings) settings {
		next := maps.Clone(was)
		for k, v := range changes {
			if next[k] = v; v == nil {
				delete(next, k)
			}
		}
		return next
	}
	for name, c := range map[string]struct {
		req     api.SetProviderRequest
		kind    core.Kind
		text    string
		want    settings
		secrets map[string]string
		connect string
	}{
		"nothing":        {want: was},
		"a value":        {req: api.SetProviderRequest{Set: []string{"capacity=7", "core_price=0.03"}}, want: with(settings{"capacity": 7.0, "core_price": "0.03"})},
		"a path":         {req: api.SetProviderRequest{Set: []string{"zones.1.name=zone-c"}}, want: with(settings{"zones": []any{settings{"name": "zone-a"}, settings{"name": "zone-c"}}})},
		"dropped":        {req: api.SetProviderRequest{Unset: []string{"capacity", "zones.0"}}, want: with(settings{"capacity": nil, "zones": []any{settings{"name": "zone-b"}}})},
		"dropped, set":   {req: api.SetProviderRequest{Unset: []string{"zones"}, Set: []string{"zones.0.name=zone-z"}}, want: with(settings{"zones": []any{settings{"name": "zone-z"}}})},
		"a secret":       {req: api.SetProviderRequest{SecretFiles: map[string]string{"token": token}}, want: was, secrets: map[string]string{"token": token}},
		"not there":      {req: api.SetProviderRequest{Unset: []string{"boot", "token", "zones.7"}}, kind: core.Invalid, text: "--unset", want: was},
		"unknown key":    {req: api.SetProviderRequest{Set: []string{"capacty=7"}}, kind: core.Invalid, text: "capacty", want: was},
		"wrong, forced":  {req: api.SetProviderRequest{Set: []string{"capacity=-1"}, Force: true}, kind: core.Invalid, text: "capacity", want: was},
		"works no more":  {req: api.SetProviderRequest{Set: []string{"faults.check=unavailable"}}, kind: core.Unavailable, want: was},
		"kept by force":  {req: api.SetProviderRequest{Set: []string{"faults.check=unavailable"}, Force: true}, want: with(settings{"faults": settings{"check": "unavailable"}})},
		"nobody there":   {req: api.SetProviderRequest{Connect: &nowhere}, kind: core.Unavailable, text: "nowhere", want: was},
		"forced address": {req: api.SetProviderRequest{Connect: &nowhere, Force: true}, want: was, connect: nowhere},
		"started":        {req: api.SetProviderRequest{Connect: &empty}, want: was},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add("p", "mem", `"capacity":5,"zones":[{"name":"zone-a"},{"name":"zone-b"}]`)
			c.req.Name = "p"
			info, _, err := w.SetProvider(t.Context(), c.req)
			if core.KindOf(err) != c.kind || err != nil && !strings.Contains(all(err), c.text) {
				t.Errorf("%v of kind %q, want %q with %q", err, core.KindOf(err), c.kind, c.text)
			}
			got, secrets, connect := w.provided("p")
			if diff := cmp.Diff(c.want, got); diff != "" || !maps.Equal(secrets, c.secrets) || connect != c.connect {
				t.Errorf("secrets %v, connect %q, settings (-want +got):\n%s", secrets, connect, diff)
			}
			if err == nil && (info.Name != "p" || info.Plugin != "mem" || info.CreatedAt.IsZero()) {
				t.Errorf("given back: %+v", info)
			}
		})
	}
}

// all is an error with its faults.
func all(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*core.Error](err); ok {
		for _, f := range e.Faults {
			text += "\n" + f.String()
		}
	}
	return text
}

// A secret is dropped by its key, and every fault is told at once.
func TestSetProviderSecrets(t *testing.T) {
	w := newWorld(t)
	cfg := w.config("p", "mem", "")
	cfg.SecretFiles = map[string]string{"token": filepath.Join(t.TempDir(), "lost")}
	if err := w.ledger.PutProvider(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.SetProvider(t.Context(), api.SetProviderRequest{Name: "p", Unset: []string{"none", "token"}, Set: []string{"capacity"}})
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Kind != core.Invalid || len(e.Faults) != 2 {
		t.Errorf("%v: want two faults", err)
	}
	if _, _, err := w.SetProvider(t.Context(), api.SetProviderRequest{Name: "p", Unset: []string{"token"}}); err != nil {
		t.Error(err)
	}
	if _, secrets, _ := w.provided("p"); len(secrets) != 0 {
		t.Errorf("secrets %v", secrets)
	}
	_, _, err = w.SetProvider(t.Context(), api.SetProviderRequest{Name: "q"})
	refused(t, err, core.NotFound, "there is no such provider")
}

// What somebody else changes while the provider is tested is not lost.
func TestSetProviderWhileItIsChanged(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	options := w.Options
	options.Ledger = &secondLook{Ledger: w.ledger, before: func() { w.change("p", "mem", `"capacity":2`) }}
	_, _, err := api.New(options).SetProvider(t.Context(), api.SetProviderRequest{Name: "p", Set: []string{"capacity=1"}})
	refused(t, err, core.Conflict, "it was changed meanwhile")
	if got, _, _ := w.provided("p"); got["capacity"] != 2.0 {
		t.Errorf("settings %v", got)
	}
}

// secondLook is a ledger in which something happens before a provider is read
// for the second time.
type secondLook struct {
	ledger.Ledger
	looks  int
	before func()
}

func (l *secondLook) Provider(ctx context.Context, name string) (core.ProviderConfig, error) {
	if l.looks++; l.looks == 2 {
		l.before()
	}
	return l.Ledger.Provider(ctx, name)
}

// What a provider refused is forgotten when its settings are put right.
func TestSetProviderForgetsRefusals(t *testing.T) {
	w := newWorld(t)
	w.add("p", "cloud", `"faults":{"create":"denied"}`)
	_, err := w.deploy(api.DeployRequest{})
	refused(t, err, core.Denied, "")
	if _, _, err := w.SetProvider(t.Context(), api.SetProviderRequest{Name: "p", Unset: []string{"faults"}}); err != nil {
		t.Fatal(err)
	}
	w.mustDeploy(api.DeployRequest{})
}
