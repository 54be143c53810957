package kvm

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/chain"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

// A volume that is a file of the host is looked at before a machine opens it: at
// each Attach, and before each start, since what it stands on may have changed
// meanwhile, as with a snapshot. What is found stands in the machine's definition,
// and nothing else is opened.

// nearby reports whether the files of a URI's host are those of the machine that the
// plugin runs on: its libvirt is reached without a network.
func nearby(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host == "" && (u.Scheme == "qemu" || u.Scheme == "qemu+unix")
}

// inspect finds out what the file of a link stands on; of other links there is
// nothing to find out. The errors of a file that may not be a disk are definite.
func (at *place) inspect(ctx context.Context, op string, l *link.Link) error {
	if l.File == nil {
		return nil
	}
	if !nearby(at.URI) {
		return &sdk.Error{
			Kind: sdk.Denied, Op: op, Subject: "attachment " + l.ID, Source: sdk.SourcePlugin,
			Text: fmt.Sprintf("%q is on another machine than Meson, %s, and what a file of a volume stands on must be looked at before a machine opens it", sdk.CleanText(l.File.Path, 128), at.Zone),
			Hint: "reach the volume over iscsi or nbd, or run Meson on that host, with its local URI",
		}
	}
	type answer struct {
		below []link.Layer
		err   error
	}
	answers := make(chan answer, 1)
	request := chain.Request{Op: op, Attachment: l.ID, Dirs: at.VolumeDirs, File: *l.File}
	go func() { // a file system that is away answers nothing
		below, err := chain.Look(request)
		answers <- answer{below, err}
	}()
	select {
	case a := <-answers:
		if a.err == nil {
			l.File.Below = a.below
		}
		return a.err
	case <-ctx.Done():
		return failed(op, at, ctx.Err(), false)
	}
}

// inspect is that of all links of an order.
func (o *order) inspect(ctx context.Context) error {
	for i := range o.links {
		if err := o.at.inspect(ctx, "attach volume", &o.links[i]); err != nil {
			return err
		}
	}
	return nil
}

// looks is how often the files of a volume are looked at before a machine opens them.
const looks = 5

// afterLook has a machine open its files after a look at them. Where one is gone by
// then, as after a merge of what the volume stands on, it is looked again.
func (p *Provider) afterLook(ctx context.Context, look, open func() error) error {
	for n := 1; ; n++ {
		err := look()
		if err == nil {
			p.step("files.seen")
			err = open()
		}
		if err == nil || n == looks || ctx.Err() != nil || !strings.Contains(strings.ToLower(textOf(err)), "no such file or directory") {
			return err
		}
	}
}

// settleFiles looks at the files of a machine that is to be started, and lets its
// definition say what they stand on now. The caller sees to it that nobody attaches
// or detaches meanwhile.
func (m *machine) settleFiles(ctx context.Context) error {
	const op = "start machine"
	w, err := m.at.wiring(ctx, m.uuid)
	if err != nil {
		return failed(op, m.at, err, true)
	}
	for _, r := range m.records {
		d := link.Find(w.config, r.ID)
		l, is := r.FileLink(d)
		if !is {
			continue
		}
		if err := m.at.inspect(ctx, op, &l); err != nil {
			return err
		}
		if l.Stands(d) {
			continue
		}
		if err := m.at.turn(ctx, m.uuid, &l, d, 0); err != nil {
			return failed(op, m.at, err, true)
		}
	}
	return nil
}

// takesFiles reports whether a host's machines are given files of it: whether those
// below its directories can be looked at. A directory that is not there may come.
func (s *Site) takesFiles() bool {
	if !nearby(s.URI) {
		return false
	}
	for _, dir := range s.VolumeDirs {
		f, err := os.Open(dir)
		if err == nil {
			_ = f.Close()
		}
		if !os.IsPermission(err) {
			return true
		}
	}
	return false
}

// filesText says for people whether a host takes files, and why not.
func (s *Site) filesText() string {
	switch {
	case len(s.VolumeDirs) == 0, s.takesFiles():
		return strings.Join(s.VolumeDirs, ", ")
	case !nearby(s.URI):
		return strings.Join(s.VolumeDirs, ", ") + " (for sockets alone: files of a host are looked at before they are opened, and this one is another machine)"
	}
	return strings.Join(s.VolumeDirs, ", ") + " (for sockets alone: the user who runs Meson may not read them)"
}
