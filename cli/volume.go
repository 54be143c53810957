package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// volumeName is what help texts say of a volume's name.
const volumeName = "VOLUME is a volume's vid, its name, or the first four or more characters of its vid;\n" +
	"PROVIDER/VOLUME is that provider's."

func newVolume(a *app) *cobra.Command {
	return parent("volume", "Make volumes, put them on machines, keep what they hold",
		"meson volume create data --size 10GiB\nmeson volume attach data web1\nmeson volume ls",
		newVolumeCreate(a), newVolumeLs(a), newVolumeShow(a), newVolumeAttach(a), newVolumeDetach(a), newVolumeResize(a), newVolumeRename(a),
		newVolumeConvert(a),
		newVolumeSnapshot(a), newVolumeRevert(a), newVolumeClone(a), newVolumeLock(a), newVolumeUnlock(a),
		newVolumeMap(a), newVolumeMapped(a), newVolumeUnmap(a),
		newVolumeImport(a), newVolumeExport(a), newVolumeCancreate(a), newVolumeRm(a))
}

func volumeDocument(v api.VolumeInfo) render.Volume {
	more := render.VolumeMore{Ours: v.Ours, Machines: v.Machines, LastSeen: v.LastSeen, Error: v.Error}
	if v.Quote != nil {
		more.Price = &v.Quote.Price
	}
	return render.NewVolume(v.Volume, more)
}

// changeVolume is a command that changes one volume and prints it then.
func (a *app) changeVolume(ctx context.Context, timeout time.Duration, change func(context.Context, api.Broker) (api.VolumeInfo, error)) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := a.within(ctx, timeout)
	defer cancel()
	a.job.begin()
	v, err := change(ctx, b)
	a.job.close()
	if err = settle(ctx, err); err != nil {
		return err
	}
	return a.printVolume(v, false)
}

// printVolume prints one volume.
func (a *app) printVolume(v api.VolumeInfo, dryRun bool) error {
	doc := volumeDocument(v)
	doc.DryRun = dryRun
	return a.print(doc, func() error {
		a.volumeLines(v, dryRun)
		return nil
	})
}

// volumeLines tell a person of one volume.
func (a *app) volumeLines(v api.VolumeInfo, dryRun bool) {
	w, s := a.env.Stdout, a.outs
	at := render.Visible(strings.TrimSpace(v.Provider + " " + cmp.Or(v.Zone, v.Region)))
	if dryRun {
		fmt.Fprintf(w, "%s would be made at %s\n", s.bold(render.Visible(v.Name)), at)
	} else {
		fmt.Fprintf(w, "%s (%s) is %s at %s\n", s.bold(render.Visible(cmp.Or(v.Name, v.ID))), render.Visible(v.ID), s.volumeState(string(v.State)), at)
	}
	size := sizeText(v.SizeBytes)
	if v.UsedBytes > 0 {
		size += fmt.Sprintf(", %s used", render.About(v.UsedBytes))
	}
	field(w, "size", size)
	if kind := volumeKind(v.VolumeSpec); kind != "" {
		field(w, "kind", render.Visible(kind))
	}
	if v.Quote != nil {
		p := v.Quote.Price
		price := fmt.Sprintf("%s %s/month", render.PerMonth(p), p.Currency) + nativeHour(p)
		if bought := v.Quote.Offer.SizeBytes; bought > 0 && bought != v.SizeBytes {
			price += fmt.Sprintf(" for the %s that it was bought with", render.Size(bought))
		}
		field(w, "price", price)
	}
	for _, u := range v.Uses {
		field(w, "used by", render.Visible(useText(u, v.Machines)))
	}
	if v.Lock != nil {
		field(w, "locked by", render.Visible(lockText(*v.Lock, v.Machines)))
	}
	if v.Place != "" {
		field(w, "place", render.Visible(v.Place))
	}
	for _, e := range v.Exposures {
		field(w, "reached by", render.Visible(exposureText(e)))
	}
	for _, f := range v.Faults {
		field(w, "fault", s.red(render.Visible(f)))
	}
	if v.Message != "" {
		field(w, "message", render.Visible(v.Message))
	}
	if v.Error != nil {
		field(w, "last seen", render.Time(v.LastSeen)+", "+s.yellow("its provider does not answer now")+": "+render.Visible(headline(v.Error)))
	}
}

// volumeState paints the state of a volume.
func (s style) volumeState(text string) string {
	switch core.VolumeState(text) {
	case core.VolumeAvailable, core.VolumeInUse:
		return s.green(text)
	case core.VolumeFailed:
		return s.red(text)
	case core.VolumeGone:
		return s.dim(text)
	case core.VolumeCreating, core.VolumeDeleting:
	}
	return s.yellow(text)
}

// sizeText is a size for people, "-" where none is known.
func sizeText(bytes int64) string {
	if bytes <= 0 {
		return "-"
	}
	return render.Size(bytes)
}

// volumeKind is what a volume is beyond its size, in a few words.
func volumeKind(s core.VolumeSpec) string {
	var words []string
	for _, w := range []struct {
		on   bool
		word string
	}{{s.Bootable, "bootable"}, {s.Shareable, "shareable"}, {s.ReadOnly, "read-only"}, {s.Private, "private"}, {s.Format != "", s.Format}} {
		if w.on {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ", ")
}

// useText is "web1 writing by iscsi since …".
func useText(u core.VolumeUse, machines map[string]string) string {
	words := []string{cmp.Or(machines[u.Allocation], u.Holder, u.Allocation, u.Attachment), "reading"}
	if u.Writable {
		words[1] = "writing"
	}
	if u.Kind != "" {
		words = append(words, "by "+string(u.Kind))
	}
	if len(u.Peers) > 0 {
		words = append(words, "from "+strings.Join(u.Peers, ", "))
	}
	if !u.Since.IsZero() {
		words = append(words, "since "+render.Time(u.Since))
	}
	return strings.Join(append(words, "("+u.Attachment+")"), " ")
}

// lockText is "k3j9d0s8w1 ada@desk for web1 since …".
func lockText(l core.VolumeLock, machines map[string]string) string {
	text := cmp.Or(l.Holder, "somebody")
	if l.Allocation != "" {
		text += " for " + cmp.Or(machines[l.Allocation], l.Allocation)
	}
	if !l.Since.IsZero() {
		text += " since " + render.Time(l.Since)
	}
	return text
}

// exposureText is "iscsi on network storage: over tgt".
func exposureText(e core.Exposure) string {
	text := string(e.Kind)
	for _, from := range []struct{ word, value string }{
		{"from host", e.Host}, {"on network", e.Network}, {"for machines of", e.Provider}, {"in zone", e.Zone},
	} {
		if from.value != "" {
			text += " " + from.word + " " + from.value
		}
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// who is the person at this machine, such as ada@desk.
func who() string {
	name, host := "somebody", "somewhere"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

func (a *app) completeVolumes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd.Context(), func(ctx context.Context, b api.Broker) ([]string, error) {
		list, _, err := b.ListVolumes(ctx, "")
		var names []string
		for _, v := range list {
			names = append(names, cmp.Or(v.Name, v.ID))
		}
		return without(names, args), err
	})
}

// completeVolume completes a volume as the first argument, and what rest gives
// after it.
func (a *app) completeVolume(rest cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return a.completeVolumes(cmd, args, prefix)
		}
		return rest(cmd, args[1:], prefix)
	}
}

// oneMachine completes one machine.
func (a *app) oneMachine(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nothingMore(cmd, args)
	}
	return a.completeMachines(cmd, args, prefix)
}

func nothing(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return nothingMore(cmd, args)
}
