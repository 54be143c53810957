package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/mapping"
	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

type volumeMapFlags struct {
	readOnly, nbd bool
	networks      []string
	timeout       time.Duration
}

func newVolumeMap(a *app) *cobra.Command {
	var f volumeMapFlags
	cmd := &cobra.Command{
		Use: "map VOLUME [FILE]", Short: "Make a volume a file of this machine",
		Example: "meson volume map data\nmeson volume map data ./data.img --readonly\nmeson volume map data --nbd",
		Long: "Makes a volume a file of this machine, FILE or one that is made up, by FUSE; with --nbd it is\n" +
			"a socket that speaks NBD. No kernel module and no root is needed for either. It counts as a\n" +
			"machine that writes: nobody else does, until `meson volume unmap`. It lasts over the end of\n" +
			"this command and is found again by the next. " + "Needs qemu-storage-daemon.\n" + volumeName,
		Args: arguments(1, 2),
		ValidArgsFunction: a.completeVolume(func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		}),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitGoing, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := ""
			if len(args) > 1 {
				file = args[1]
			}
			return a.volumeMap(cmd.Context(), args[0], file, f)
		},
	}
	cmd.Flags().BoolVar(&f.readOnly, "readonly", false, "only read it: others may, too")
	cmd.Flags().BoolVar(&f.nbd, "nbd", false, "a socket that speaks NBD, in place of a file")
	cmd.Flags().StringArrayVar(&f.networks, "network", nil, "this machine is on the storage network `NAME` (repeatable)")
	giveUpFlag(cmd, &f.timeout)
	return cmd
}

func (a *app) volumeMap(ctx context.Context, volume, file string, f volumeMapFlags) error {
	if f.nbd && file != "" {
		return usagef("", "--nbd makes a socket, and no FILE")
	}
	m, err := a.mapper()
	if err != nil {
		return err
	}
	from := m.Consumer(f.networks)
	if len(from.Kinds) == 0 {
		return &core.Error{Kind: core.Unsupported, Op: "map volume", Text: "this machine has no qemu-storage-daemon", Hint: "apt-get install qemu-system-common, or qemu-utils"}
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx, f.timeout)
	defer cancel()
	a.job.begin()
	made, err := b.MapVolume(ctx, api.MapVolumeRequest{VolumeRequest: a.onVolume(volume, false), ReadOnly: f.readOnly, From: from, Who: who()})
	if err != nil {
		a.job.close()
		return settle(ctx, err)
	}
	ask := mapping.Request{
		ID: made.Attachment.ID, Name: made.Volume.Name, VolumeID: made.Volume.ID, Connection: made.Attachment.Connection, As: mapping.AsFile, File: file,
	}
	if f.nbd {
		ask.As = mapping.AsNBD
	}
	here, err := m.Map(ctx, ask)
	if err != nil {
		// Nothing is left here: the right to the volume goes back.
		err = gaveUp(ctx, errors.Join(err, b.UnmapVolume(context.WithoutCancel(ctx), made.Attachment.ID, false)))
	}
	a.job.close()
	if err != nil {
		return err
	}
	doc := mapped{Mapping: here}
	doc.Provider = made.Volume.Provider
	return a.print(doc, func() error {
		_, err := fmt.Fprintf(a.env.Stdout, "%s\n", render.Visible(doc.where()))
		return err
	})
}

// mapped is a mapping as programs read it.
type mapped struct {
	mapping.Mapping
	Provider string `json:"provider,omitempty"`
	// Holder is who mapped it.
	Holder string `json:"holder,omitempty"`
}

// where is the file, or the URI of the socket.
func (m mapped) where() string { return cmp.Or(m.File, m.URI, "-") }

// The states of what a ledger knows to be mapped and that is not on this machine.
const (
	mappedElsewhere mapping.State = "elsewhere" // by another person or machine
	mappedLost      mapping.State = "lost"      // by this one, and not there
)

// allMapped are the mappings of this machine, and those that the ledger knows of
// beside them.
func (a *app) allMapped(ctx context.Context, b api.Broker) ([]mapped, error) {
	m, err := a.mapper()
	if err != nil {
		return nil, err
	}
	here, err := m.List(ctx)
	if err != nil {
		return nil, err
	}
	known, err := b.Mappings(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]mapped, 0, len(here)+len(known))
	at := map[string]int{}
	for _, one := range here {
		at[one.ID] = len(all)
		all = append(all, mapped{Mapping: one})
	}
	for _, t := range known {
		i, ok := at[t.ID]
		if !ok {
			i = len(all)
			state := mappedElsewhere
			if t.Holder == who() {
				state = mappedLost
			}
			all = append(all, mapped{Mapping: mapping.Mapping{ID: t.ID, Name: t.Name, VolumeID: t.VolumeID, ReadOnly: t.ReadOnly, Since: t.CreatedAt.UTC(), State: state}})
		}
		all[i].Provider, all[i].Holder = t.Provider, t.Holder
	}
	return all, nil
}

func newVolumeMapped(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "mapped", Short: "List the volumes that are files of this machine",
		Example: "meson volume mapped\nmeson volume mapped -o json",
		Long: "Lists what `meson volume map` made: active, dead where what showed it has ended (what was\n" +
			"written and not synced is lost), lost where nothing of it is here any more, and elsewhere what\n" +
			"this ledger gave to another machine. `meson volume unmap` ends each of them.",
		Args:        arguments(0, 0),
		Annotations: exits(exitOK, exitError, exitUsage, exitInterrupted),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.volumeMapped(cmd.Context()) },
	}
}

func (a *app) volumeMapped(ctx context.Context) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	all, err := a.allMapped(ctx, b)
	if err != nil {
		return err
	}
	return a.print(all, func() error {
		if len(all) == 0 {
			_, err := fmt.Fprintln(a.env.Stderr, "nothing is mapped")
			return err
		}
		g := render.NewGrid(
			render.Column{Title: "VOLUME"}, render.Column{Title: "STATE"}, render.Column{Title: "FILE", Fold: 20}, render.Column{Title: "MODE", Drop: 3},
			render.Column{Title: "BY", Drop: 4}, render.Column{Title: "HOLDER", Drop: 2}, render.Column{Title: "AGE", Right: true, Drop: 1}, render.Column{Title: "ID", Drop: 5},
		)
		now := a.env.Now()
		for _, m := range all {
			mode := "writes"
			if m.ReadOnly {
				mode = "reads"
			}
			g.Add(strings.TrimPrefix(m.Provider+"/", "/")+cmp.Or(m.Name, m.VolumeID), string(m.State), m.where(), mode,
				cmp.Or(string(m.Kind), "-"), cmp.Or(m.Holder, "-"), render.Age(now.Sub(m.Since)), m.ID)
		}
		g.Paint("VOLUME", a.outs.bold)
		g.Paint("STATE", a.outs.mappingState)
		return a.grid(g)
	})
}

// mappingState paints the state of a mapping.
func (s style) mappingState(text string) string {
	switch mapping.State(text) {
	case mapping.Active:
		return s.green(text)
	case mapping.Dead, mappedLost:
		return s.red(text)
	case mappedElsewhere:
	}
	return s.yellow(text)
}
