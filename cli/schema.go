package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/spec"
)

func newSchema(a *app) *cobra.Command {
	return parent("schema", "Print the JSON Schema of a file that Meson reads", "meson schema spec >spec.schema.json",
		&cobra.Command{
			Use:         "spec",
			Short:       "Print the JSON Schema of specs",
			Example:     "meson schema spec >spec.schema.json",
			Args:        arguments(0, 0),
			Annotations: exits(exitOK, exitUsage),
			RunE: func(*cobra.Command, []string) error {
				format := a.format
				if format == render.Table {
					format = render.JSON
				}
				return render.Encode(a.env.Stdout, format, json.RawMessage(spec.Schema()))
			},
		})
}
