package iscsi

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/mesoncloud/meson/sdk"
)

const serveUsage = `want serve --listen unix:PATH, with
  --vault DIR              a vault, beside those of the file; may be given several times
  --address ADDRESS        of this server: machines of other hosts reach volumes there, over iSCSI
  --nfs-address ADDR:PORT  of this server: they reach shareable volumes there, over NFS
  --nfs-clients NETWORK    that may mount those, such as 10.0.0.0/24; may be given several times
  --config FILE            settings like a provider's, as JSON with comments; a flag is taken before them
With a vault, a provider that connects says its region, its zone and its prices alone. Without
one, each that connects brings its own vaults, and all other settings.`

// texts is a flag that may be given several times.
type texts []any

// String is for package flag.
func (t *texts) String() string { return "" }

// Set adds one.
func (t *texts) Set(s string) error {
	*t = append(*t, s)
	return nil
}

// serveFlags are the settings of a resident part, nil where it has no vaults, and the
// socket where it listens.
func serveFlags(args []string) (config *Config, path string, err error) {
	var vaults, clients texts
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	listen := flags.String("listen", "", "")
	file := flags.String("config", "", "")
	address, nfs := flags.String("address", "", ""), flags.String("nfs-address", "", "")
	flags.Var(&vaults, "vault", "")
	flags.Var(&clients, "nfs-clients", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, "", err
	case err != nil || flags.NArg() > 0:
		return nil, "", sdk.Errorf(sdk.Invalid, "%s", serveUsage)
	}
	path, ok := strings.CutPrefix(*listen, "unix:")
	if !ok || path == "" {
		return nil, "", sdk.Errorf(sdk.Invalid, "--listen %q: %s", *listen, serveUsage)
	}
	given := map[string]any{}
	for name, value := range map[string]string{"address": *address, "nfs_address": *nfs} {
		if value != "" {
			given[name] = value
		}
	}
	if len(clients) > 0 {
		given["nfs_clients"] = clients
	}
	if *file == "" && len(vaults) == 0 {
		if len(given) > 0 {
			return nil, "", sdk.Errorf(sdk.Invalid, "no vault to serve: want --vault or --config with %s", strings.Join(slices.Sorted(maps.Keys(given)), ", "))
		}
		return nil, path, nil
	}
	settings := map[string]any{}
	if *file != "" {
		if settings, err = settingsIn(*file); err != nil {
			return nil, "", err
		}
	}
	maps.Copy(settings, given)
	all, _ := settings["vaults"].([]any)
	for _, dir := range vaults {
		all = append(all, map[string]any{"path": dir})
	}
	if len(all) > 0 {
		settings["vaults"] = all
	}
	// Prices are each provider's own.
	if settings["currency"] == nil && settings["gib_month"] == nil {
		settings["free"] = true
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, "", err
	}
	if config, err = sdk.DecodeConfig[Config](text, nil); err != nil {
		return nil, "", err
	}
	if len(config.all()) == 0 {
		return nil, "", sdk.Errorf(sdk.Invalid, "%s: no vault to serve: want path or vaults in it, or --vault", *file)
	}
	config.ofResident = true
	return config, path, nil
}

// settingsIn reads a file of JSON with comments.
func settingsIn(file string) (map[string]any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, sdk.Errorf(sdk.Invalid, "%w", err)
	}
	settings := map[string]any{}
	if text, err = hujson.Standardize(text); err == nil {
		err = json.Unmarshal(text, &settings)
	}
	if err != nil {
		return nil, sdk.Errorf(sdk.Invalid, "%s: %w", file, err)
	}
	return settings, nil
}
