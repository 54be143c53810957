package iscsi

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tailscale/hujson"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

var updateDocs = flag.Bool("update-docs", false, "write the table of settings in SETTINGS.md")

func readPage(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The table of settings in SETTINGS.md is what the plugin prints.
func TestDocsSettings(t *testing.T) { sdktest.SettingsPage[Config](t, "SETTINGS.md", *updateDocs) }

func TestDocsExampleConfig(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", "providers", "iscsi.json"))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = hujson.Standardize(data); err != nil || !json.Valid(data) {
		t.Fatal(err)
	}
	c, err := sdk.DecodeConfig[Config](data, nil)
	if err != nil || len(c.all()) != 2 || len(c.exposures(true, "")) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

// Every one-line command that adds a provider of this plugin has settings that the
// plugin takes, or its resident part, and each that starts one has flags of it.
func TestDocsCommandsAdd(t *testing.T) {
	set := regexp.MustCompile(`--set '?([a-z_]+)=([^\s'\\"` + "`" + `]+)`)
	seen := 0
	for line := range strings.Lines(readPage(t, "README.md")) {
		if args, ok := strings.CutPrefix(line, "$ meson-plugin-iscsi serve "); ok {
			if c, _, err := serveFlags(strings.Fields(args)); err != nil || c.Address == "" {
				t.Errorf("%s%+v, %v: want machines of other hosts to reach it", line, c, err)
			}
			seen++
		}
		if !strings.Contains(line, "provider add ") || !strings.Contains(line, "--plugin iscsi") {
			continue
		}
		var settings []string
		for _, m := range set.FindAllStringSubmatch(line, -1) {
			value := fmt.Sprintf("%q", m[2])
			if m[2] == "true" {
				value = m[2]
			}
			settings = append(settings, fmt.Sprintf("%q: %s", m[1], value))
		}
		text := []byte("{" + strings.Join(settings, ", ") + "}")
		_, err := sdk.DecodeConfig[Config](text, nil)
		if strings.Contains(line, "--connect ") {
			_, err = sdk.DecodeConfig[JoinedConfig](text, nil)
		}
		if err != nil {
			t.Errorf("%s%v", line, err)
		}
		seen++
	}
	if seen != 3 {
		t.Errorf("%d commands found, want 3", seen)
	}
}

// The unit starts what there is: its line is one that serve understands.
func TestDocsUnit(t *testing.T) {
	unit := readPage(t, filepath.Join("dist", "meson-plugin-iscsi.service"))
	_, line, ok := strings.Cut(unit, "ExecStart=/usr/local/lib/meson/plugins/meson-plugin-iscsi serve ")
	line, _, _ = strings.Cut(line, "\n")
	file := filepath.Join(t.TempDir(), "vault.json")
	if err := os.WriteFile(file, []byte(`{"path": "/srv/vault"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	args := strings.Fields(strings.Replace(line, "/etc/meson/vault.json", file, 1))
	if config, path, err := serveFlags(args); !ok || err != nil || config == nil || path == "" {
		t.Errorf("%v: %v, %q, %v", args, config, path, err)
	}
}

// Settings are refused with all that is wrong in them.
func TestConfigFaults(t *testing.T) {
	for config, want := range map[string][]string{
		`{"path":"relative","free":true}`:                                {"path"},
		`{"path":"/","free":true}`:                                       {"path"},
		`{"path":"/a","vaults":[{"path":"/a/b"}],"free":true}`:           {"vaults[0].path"},
		`{"path":"/x/vault","vaults":[{"path":"/y/vault"}],"free":true}`: {"vaults[0].name"},
		`{"path":"/a"}`: {"currency", "gib_month"},
		`{"path":"/a","currency":"EUR","gib_month":"0"}`:                                                                 {"gib_month"},
		`{"path":"/a","currency":"XXQ","gib_month":"-1","address":"nowhere","host_uuid":"me"}`:                           {"host_uuid", "address", "currency"},
		`{"path":"/a","free":true,"nfs_address":"10.0.0.7:2049"}`:                                                        {"nfs_clients"},
		`{"path":"/a","free":true,"first_port":200,"last_port":100,"authority":"me"}`:                                    {"last_port", "authority"},
		`{"path":"/a","free":true,"image_sources":["relative","http://a","/ok","https://a/b/"],"networks":["Not Good"]}`: {"networks[0]", "image_sources[0]", "image_sources[1]"},
		`{"path":"/a","free":true,"runtime_dir":"/run/a-path-that-is-longer-than-sockets-allow"}`:                        {"runtime_dir"},
	} {
		_, err := sdk.DecodeConfig[Config]([]byte(config), nil)
		e, ok := err.(*sdk.Error)
		if !ok {
			t.Errorf("%s: %v", config, err)
			continue
		}
		var paths []string
		for _, f := range e.Faults {
			paths = append(paths, f.Path)
		}
		if d := cmp.Diff(want, paths); d != "" {
			t.Errorf("%s: %v\n%s", config, err, d)
		}
	}
}
