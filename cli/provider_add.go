package cli

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

type providerAddFlags struct {
	plugin, config, connect string
	sets, secrets           []string
	force                   bool
}

func newProviderAdd(a *app) *cobra.Command {
	var f providerAddFlags
	cmd := &cobra.Command{
		Use:   "add NAME --plugin PLUGIN",
		Short: "Configure a provider and test it",
		Example: "meson provider add rack1 --plugin kvm --set uri=qemu:///system --set free=true\n" +
			"meson provider add upcloud-eu --plugin upcloud --secret token=~/.upcloud-token\n" +
			"meson provider add vault1 --plugin iscsi --config vault1.yaml --connect unix:/run/vault.sock",
		Long: "Configures the provider NAME of a plugin and tests what it answers. Settings come from\n" +
			"--config, then from each --set: a VALUE that is JSON is taken as such, any other as a\n" +
			"text; --set 'price=\"0.02\"' is a text that looks like a number. `meson plugin ls -o json`\n" +
			"has the schema of a plugin's settings. Of a --secret the file's path is stored, never\n" +
			"its bytes; others must not be able to read the file.",
		Args:        arguments(1, 1),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitInterrupted),
		RunE:        func(cmd *cobra.Command, args []string) error { return a.providerAdd(cmd.Context(), args[0], f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.plugin, "plugin", "", "the `PLUGIN`, such as kvm")
	fs.StringArrayVar(&f.sets, "set", nil, "a setting, `KEY=VALUE`; the key may be a dotted path (repeatable)")
	fs.StringVar(&f.config, "config", "", "read settings from a `FILE` of JSON or YAML")
	fs.StringArrayVar(&f.secrets, "secret", nil, "read a secret from a file when it is needed, `KEY=FILE` (repeatable)")
	fs.StringVar(&f.connect, "connect", "", "the `ADDRESS` of a resident plugin, such as unix:/run/vault.sock")
	fs.BoolVar(&f.force, "force", false, "keep it even if its test fails")
	return cmd
}

func (a *app) providerAdd(ctx context.Context, name string, f providerAddFlags) error {
	req := api.AddProviderRequest{Name: name, Plugin: f.plugin, Set: f.sets, Connect: f.connect, Force: f.force}
	if f.plugin == "" {
		return usagef("`meson plugin ls` shows what there is", "provider add: --plugin is missing")
	}
	if err := checkPairs(f.sets); err != nil {
		return err
	}
	var err error
	if f.config != "" {
		if req.Settings, err = readSettings(f.config); err != nil {
			return err
		}
	}
	if req.SecretFiles, err = secretFiles(f.secrets); err != nil {
		return err
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	info, checks, err := b.AddProvider(ctx, req)
	if err != nil {
		a.sayChecks(checks)
		return err
	}
	return a.printTested("added", info, checks)
}

// secretFiles reads --secret flags. The part after the = may be a secret given
// by mistake, so no error repeats it unless it names a file.
func secretFiles(flags []string) (map[string]string, error) {
	files := make(map[string]string, len(flags))
	for _, s := range flags {
		key, file, ok := strings.Cut(s, "=")
		if !ok || key == "" || file == "" {
			return nil, usagef("", "--secret: want KEY=FILE")
		}
		path, err := secretFile(file)
		if err != nil {
			return nil, err
		}
		files[key] = path
	}
	return files, nil
}

// readSettings reads one object of JSON or YAML and gives it as JSON.
func readSettings(file string) ([]byte, error) {
	data, err := readBounded(file, maxConfig)
	if err != nil {
		return nil, err
	}
	var settings map[string]any
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return nil, &core.Error{Kind: core.Invalid, Op: "read settings", Subject: file, Text: "want one object of JSON or YAML", Err: err}
	}
	out, err := json.Marshal(settings)
	if err != nil {
		return nil, &core.Error{Kind: core.Invalid, Op: "read settings", Subject: file, Text: "want texts as keys", Err: err}
	}
	if settings == nil {
		return []byte("{}"), nil
	}
	return out, nil
}
