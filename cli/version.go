package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what `meson version` tells.
type version struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Protocol int    `json:"plugin_protocol"`
	Platform string `json:"platform"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:         "version",
		Short:       "Print the version",
		Example:     "meson version\nmeson version -o json",
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitUsage),
		RunE: func(*cobra.Command, []string) error {
			v := a.version()
			return a.print(v, func() error {
				line := fmt.Sprintf("meson %s (plugin protocol %d, %s, %s", v.Version, v.Protocol, v.Go, v.Platform)
				if v.Commit != "" {
					line += ", commit " + v.Commit
				}
				if v.Modified {
					line += " with changes"
				}
				_, err := fmt.Fprintln(a.env.Stdout, line+")")
				return err
			})
		},
	}
}

func (a *app) version() version {
	v := version{
		Version: a.env.Version, Protocol: a.env.Protocol,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
