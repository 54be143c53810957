package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

type providerSetFlags struct {
	sets, unsets, secrets []string
	connect               string
	force                 bool
}

func newProviderSet(a *app) *cobra.Command {
	var f providerSetFlags
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change a provider's settings and test it",
		Example: "meson provider set rack1 --set reserve_cores=2\n" +
			"meson provider set rack1 --unset free --set core_hour=0.01\n" +
			"meson provider set upcloud-eu --secret token=new-token\n" +
			"meson provider set vault1 --connect unix:/run/vault.sock",
		Long: "Changes some settings of the provider NAME and leaves the others as they are: first\n" +
			"each --unset, then each --set, read as `meson provider add` reads it. A path such as\n" +
			"hosts.0.name leads into lists and objects; --unset of a secret's key drops the secret,\n" +
			"--connect '' makes the plugin one that is started. The provider is tested with the new\n" +
			"settings, which are kept if it passes, and what it refused before is forgotten.",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeProviders,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := api.SetProviderRequest{Name: args[0], Set: f.sets, Unset: f.unsets, Force: f.force}
			if cmd.Flags().Changed("connect") {
				req.Connect = &f.connect
			}
			return a.providerSet(cmd.Context(), req, f.secrets)
		},
	}
	fs := cmd.Flags()
	fs.StringArrayVar(&f.sets, "set", nil, "a setting, `KEY=VALUE`; the key may be a dotted path (repeatable)")
	fs.StringArrayVar(&f.unsets, "unset", nil, "drop the setting or the secret of this `KEY` (repeatable)")
	fs.StringArrayVar(&f.secrets, "secret", nil, "read a secret from a file when it is needed, `KEY=FILE` (repeatable)")
	fs.StringVar(&f.connect, "connect", "", "the `ADDRESS` of a resident plugin, such as unix:/run/vault.sock; empty for none")
	fs.BoolVar(&f.force, "force", false, "keep the settings even if the test fails")
	return cmd
}

func (a *app) providerSet(ctx context.Context, req api.SetProviderRequest, secrets []string) error {
	if err := checkPairs(req.Set); err != nil {
		return err
	}
	if len(req.Set)+len(req.Unset)+len(secrets) == 0 && req.Connect == nil {
		return usagef("--set, --unset, --secret and --connect change something; `meson provider show "+quote(req.Name)+"` shows what there is",
			"provider set: nothing to change")
	}
	var err error
	if req.SecretFiles, err = secretFiles(secrets); err != nil {
		return err
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	info, checks, err := b.SetProvider(ctx, req)
	if err != nil {
		a.sayChecks(checks)
		return err
	}
	return a.printTested("changed", info, checks)
}

// checkPairs refuses a --set that is none.
func checkPairs(sets []string) error {
	for _, s := range sets {
		if key, _, ok := strings.Cut(s, "="); !ok || key == "" {
			return usagef("", "--set %s: want KEY=VALUE", render.Visible(s))
		}
	}
	return nil
}

// printTested prints a provider that was kept, and how its test went.
func (a *app) printTested(what string, info api.ProviderInfo, checks []core.CheckItem) error {
	doc := struct {
		Provider render.Provider  `json:"provider"`
		Checks   []core.CheckItem `json:"checks"`
	}{providerDocument(info), append([]core.CheckItem{}, checks...)}
	return a.print(doc, func() error {
		if len(checks) > 0 {
			if err := a.grid(checksGrid(checks, a.outs)); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(a.env.Stdout, "%s %s (%s)\n", what, a.outs.bold(render.Visible(info.Name)), render.Visible(info.Plugin))
		return err
	})
}
