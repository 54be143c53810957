package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/mapping"
	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func newVolumeUnmap(a *app) *cobra.Command {
	var force, yes bool
	cmd := &cobra.Command{
		Use: "unmap {VOLUME | FILE | ID}", Short: "End what `meson volume map` made, and give the volume back",
		Example: "meson volume unmap data\nmeson volume unmap ./data.img",
		Long: "Ends a mapping: brings what was written to the volume, takes the file away, and lets others\n" +
			"have the volume. Where something has the file open, it is named, and nothing changes; --force\n" +
			"takes the file from it, and what cannot be brought to the volume is lost.",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeMapped,
		Annotations:       exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			if force {
				if err := a.agreeToForce(cmd.Context(), "Take "+args[0]+" from whoever has it open? What is not written yet is lost.", yes); err != nil {
					return err
				}
			}
			return a.volumeUnmap(cmd.Context(), args[0], force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "take it from whoever has it open, and lose what cannot be written")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) volumeUnmap(ctx context.Context, name string, force bool) error {
	m, err := a.mapper()
	if err != nil {
		return err
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	one, err := a.findMapped(ctx, b, name)
	if err != nil {
		return err
	}
	if one.State == mappedElsewhere && !force {
		return &core.Error{
			Kind: core.Busy, Op: "unmap volume", Subject: name, Text: fmt.Sprintf("%s has mapped it, elsewhere", one.Holder),
			Hint: "unmap it there; --force cuts that machine off",
		}
	}
	a.job.begin()
	err = m.Unmap(ctx, one.ID, mapping.UnmapOptions{Force: force})
	if err == nil {
		err = b.UnmapVolume(ctx, one.ID, force)
	}
	a.job.close()
	if err = settle(ctx, err); err != nil {
		return err
	}
	doc := struct {
		mapped
		Unmapped bool `json:"unmapped"`
	}{one, true}
	return a.print(doc, func() error {
		_, err := fmt.Fprintf(a.env.Stdout, "%s is unmapped\n", a.outs.bold(render.Visible(name)))
		return err
	})
}

// findMapped is the mapping of an id, a file, a vid or a volume's name.
func (a *app) findMapped(ctx context.Context, b api.Broker, name string) (mapped, error) {
	all, err := a.allMapped(ctx, b)
	if err != nil {
		return mapped{}, err
	}
	path, err := filepath.Abs(name)
	if err != nil {
		path = name
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	for _, is := range []func(mapped) bool{
		func(m mapped) bool { return m.ID == name },
		func(m mapped) bool { return m.File != "" && m.File == path || m.URI != "" && m.URI == name },
		func(m mapped) bool { return m.VolumeID == name || m.Provider+"/"+m.VolumeID == name },
		func(m mapped) bool { return m.Name == name || m.Provider+"/"+m.Name == name },
	} {
		var found []mapped
		for _, m := range all {
			if is(m) {
				found = append(found, m)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			e := &core.Error{Kind: core.Invalid, Op: "unmap volume", Subject: name, Text: fmt.Sprintf("%d mappings are of it", len(found)), Hint: "say the file, or the id"}
			for _, m := range found {
				e.Faults = append(e.Faults, core.Fault{Path: m.ID, Text: strings.TrimSpace(m.where())})
			}
			return mapped{}, e
		}
	}
	return mapped{}, &core.Error{Kind: core.NotFound, Op: "unmap volume", Subject: name, Text: "it is not mapped", Hint: "meson volume mapped"}
}

func (a *app) completeMapped(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nothingMore(cmd, args)
	}
	return a.complete(cmd.Context(), func(ctx context.Context, b api.Broker) ([]string, error) {
		all, err := a.allMapped(ctx, b)
		var names []string
		for _, m := range all {
			names = append(names, m.Name)
		}
		return without(names, nil), err
	})
}
