package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/spec"
)

func newCheck(a *app) *cobra.Command {
	var f specFlags
	var quiet bool
	cmd := &cobra.Command{
		Use:     "check SPEC",
		Short:   "Check a spec and show what it means",
		Example: "meson check web.json\nmeson check web.yaml --set slots=4 -q",
		Long: "Reads the file SPEC (- is standard input) and prints the one meaning it has, every\n" +
			"default filled in: itself a spec, secrets excepted. What is wrong is told all at once,\n" +
			"with its line and what would be right. No provider is asked.",
		Args:        arguments(1, 1),
		Annotations: exits(exitOK, exitUsage),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.pledge(cmd.Context(), args[0], f)
			if err != nil || quiet {
				return err
			}
			format := a.format
			if format == render.Table {
				format = render.JSON
			}
			return render.Encode(a.env.Stdout, format, json.RawMessage(spec.Encode(p)))
		},
	}
	f.bind(cmd)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing if it is right")
	return cmd
}
