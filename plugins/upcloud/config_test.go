package upcloud

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// All faults come at once, each with its path; none shows a secret.
func TestConfigFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  string
		secrets map[string]string
		want    []string // paths, in order
	}{
		{"nothing", `{}`, nil, nil},
		{"token", `{}`, map[string]string{"token": "ucat_1\n"}, nil},
		{"user and password", `{}`, map[string]string{"username": "u", "password": "p"}, nil},
		{"loopback", `{"api_url": "http://127.0.0.1:8080"}`, nil, nil},
		{"loopback 6", `{"api_url": "http://[::1]:8080/"}`, nil, nil},
		{"localhost", `{"api_url": "http://localhost:8080"}`, nil, nil},
		{"both ways to log in", `{}`, map[string]string{"token": "tok-secret", "username": "u", "password": "pass-secret"}, []string{"token"}},
		{"no password", `{}`, map[string]string{"username": "u"}, []string{"password"}},
		{"no user", `{}`, map[string]string{"password": "pass-secret"}, []string{"username"}},
		{"line break", `{}`, map[string]string{"token": "a\nb"}, []string{"token"}},
		{"token among the settings", `{"token": "tok-secret"}`, nil, []string{"token"}},
		{"open http", `{"api_url": "http://api.upcloud.com"}`, nil, []string{"api_url"}},
		{"name that only begins like loopback", `{"api_url": "http://127.0.0.1.example.com"}`, nil, []string{"api_url"}},
		{"password in the address", `{"api_url": "https://u:pass-secret@api.upcloud.com"}`, nil, []string{"api_url"}},
		{"path", `{"api_url": "https://api.upcloud.com/1.3"}`, nil, []string{"api_url"}},
		{"no address", `{"api_url": "api.upcloud.com"}`, nil, []string{"api_url"}},
		{"another protocol", `{"api_url": "ftp://api.upcloud.com"}`, nil, []string{"api_url"}},
		{
			"many",
			`{"api_url": "https://x/y", "zones": ["fi-hel1", "FI HEL", "fi-hel1"], "private_network": "net", "images": [
				{"os_family": "linux", "os_flavour": "a", "template": "("}, {"os_family": "linux", "os_flavour": "a", "template": "x"}]}`,
			map[string]string{"username": "u"},
			[]string{"password", "api_url", "zones[1]", "zones[2]", "private_network", "images[0].template", "images[1]"},
		},
		{
			"by tags", `{"storage_tier": "gold", "timeout": "1ms", "custom_sizes": "always", "images": [{}], "server_prefix": "-"}`, nil,
			[]string{"storage_tier", "custom_sizes", "server_prefix", "images[0].os_family", "images[0].template", "timeout"},
		},
	} {
		secrets := map[string][]byte{}
		for k, v := range c.secrets {
			secrets[k] = []byte(v)
		}
		_, err := sdk.DecodeConfig[Config]([]byte(c.config), secrets)
		var got []string
		if e, ok := errors.AsType[*sdk.Error](err); ok {
			for _, f := range e.Faults {
				got = append(got, f.Path)
				if f.Text == "" || f.Want == "" && f.Path != "token" {
					t.Errorf("%s: fault %+v does not say what is right", c.name, f)
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: faults of %v, want %v (%v)", c.name, got, c.want, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") && !strings.Contains(err.Error(), "secrets of their own") && !strings.Contains(err.Error(), "a secret") {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "tok-secret") || strings.Contains(err.Error(), "pass-secret")) {
			t.Errorf("%s: the error tells: %v", c.name, err)
		}
	}
}

// A provider without credentials can do nothing that needs them, and says so.
func TestNoCredentials(t *testing.T) {
	config, err := sdk.DecodeConfig[Config](nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := open("up", config, slog.New(slog.DiscardHandler), Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.cloud()
	if sdk.KindOf(err) != sdk.Denied || !strings.Contains(err.Error(), "no credentials for up") {
		t.Errorf("%v", err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDefinition(t *testing.T) {
	if err := sdk.NewServer(Definition(Hooks{}), slog.New(slog.DiscardHandler)).Fault(); err != nil {
		t.Fatal(err)
	}
}

// Level 1 of the suite holds without credentials too, by the price book.
func TestConformanceWithoutCredentials(t *testing.T) {
	sdktest.Run(t, sdktest.Target{
		Level: sdktest.LevelConfig, Config: `{"zones": ["fi-hel1"]}`, Fits: small(), TooBig: &pb.Pledge{Slots: 1, MemoryMib: 1 << 30},
		Connect: func(context.Context) (sdktest.Plugin, error) {
			return sdktest.FromDefinition(Definition(Hooks{}), slog.New(slog.DiscardHandler)), nil
		},
	})
}
