package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core/api"
)

// patience is how long a shell waits for names to complete, and a result for a
// hint that only adorns it.
const patience = 2 * time.Second

func newCompletion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print a shell's completion script: bash, zsh, fish or powershell",
		Example:   "source <(meson completion bash)\nmeson completion zsh >\"${fpath[1]}/_meson\"\nmeson completion fish >~/.config/fish/completions/meson.fish",
		Args:      arguments(1, 1),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, w := cmd.Root(), a.env.Stdout
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(w)
			}
			return usagef("", "completion: want bash, zsh, fish or powershell, not %q", args[0])
		},
	}
}

// complete asks the broker for names; whatever fails, the shell gets none.
func (a *app) complete(ctx context.Context, names func(context.Context, api.Broker) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b, err := a.open(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := names(ctx, b)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// without leaves out names that are on the command line already, and empty ones.
func without(names, args []string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return n == "" || slices.Contains(args, n) })
}
