package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// deploy compares a deploy with what virsh needs for the same domain on the same
// host: neither includes making the image, both the start of their own processes.
func (b *bench) deploy(ctx context.Context) ([]row, error) {
	spec, err := b.spec("bootsector", 16)
	if err != nil {
		return nil, err
	}
	// The images are put into the pools outside of what is timed.
	_, first, err := b.deployed(ctx, spec, "warm")
	if err != nil {
		return nil, err
	}
	v, err := b.newVirsh(ctx, first)
	if err != nil {
		return nil, err
	}
	defer v.clean()
	if v.started, err = b.watchStarts(ctx, v.host); err != nil {
		return nil, err
	}
	defer func() { _ = v.started.stop() }()
	var ours, theirs, oursEnd, theirsEnd, starts sample
	for i := range b.times(21) {
		meson := func() error {
			begun := time.Now()
			took, m, err := b.deployed(ctx, spec, fmt.Sprint(i))
			if err != nil {
				return err
			}
			ran, err := v.started.of(ctx, fmt.Sprintf("%s%d-", b.prefix, i))
			if err != nil {
				return err
			}
			if m.Offer.Zone != v.host.name {
				err = fmt.Errorf("deployed on %s instead of %s, which has too little room left", m.Offer.Zone, v.host.name)
			}
			ours.add(ran.Sub(begun))
			oursEnd.add(took)
			return errors.Join(err, b.remove(ctx, m.Name))
		}
		virsh := func() error {
			ran, took, own, err := v.run(ctx)
			theirs.add(ran)
			theirsEnd.add(took)
			starts.add(own)
			return err
		}
		turns := []func() error{meson, virsh}
		if i%2 == 1 {
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, turn := range turns {
			quiet(ctx)
			if err := turn(); err != nil {
				return nil, err
			}
		}
	}
	more := pairwise(ours, theirs, minus)
	whole := pairwise(oursEnd, theirsEnd, minus)
	return []row{{
		what:  "deploy, from command to domain running",
		meson: ours.text("%.0f", "ms"), against: "`virsh define` + `virsh start`: " + theirs.text("%.0f", "ms"),
		compared: more.text("%+.0f", "ms"), goal: "≤ 60 ms more", met: verdictOf(more.median() <= 60),
		how: fmt.Sprintf("%d pairs on %s, wall time from the fork of the first process until libvirtd says that the domain has started. The same XML but for name, UUID, "+
			"MAC, paths and claim; image in the pool; virsh's overlay and seed are made beforehand, Meson makes its own. virsh's two processes take %.0f ms to start, "+
			"connect and ask for the hostname.", len(ours), v.host.name, starts.median()),
	}, {
		what:  "the same, to the end of the command",
		meson: oursEnd.text("%.0f", "ms"), against: "the same: " + theirsEnd.text("%.0f", "ms"), compared: whole.text("%+.0f", "ms"),
		how: "the same pairs, until the last process has ended: Meson's notes in the ledger that the machine runs, marks it on the host, and ends its plugin.",
	}}, b.remove(ctx, first.Name)
}

// virsh defines and starts a copy of a machine of Meson's.
type virsh struct {
	b          *bench
	host       labHost
	like       machine
	name, file string
	disk, seed string
	started    *starts
}

func (b *bench) newVirsh(ctx context.Context, like machine) (*virsh, error) {
	host, err := hostOf(like.Offer.Zone)
	if err != nil {
		return nil, err
	}
	v := &virsh{b: b, host: host, like: like, name: b.prefix + "virsh", file: b.path("domain.xml")}
	v.disk = filepath.Join(host.pool, v.name+".qcow2")
	v.seed = filepath.Join(host.pool, v.name+"-seed.iso")
	text, err := b.output(ctx, host.virsh("dumpxml", "--inactive", "--security-info", like.Instance.ID))
	if err != nil {
		return nil, err
	}
	doc := string(text)
	for _, change := range []struct{ from, to string }{
		{`<name>[^<]*</name>`, "<name>" + v.name + "</name>"},
		{`\s*<uuid>[^<]*</uuid>`, ""},
		{`\s*<mac address=[^>]*>`, ""},
		{`\s*<metadata>(?s:.*?)</metadata>`, ""}, // two claims of one key would be a contradiction
		{regexp.QuoteMeta(host.disk(like.Instance.ID)), v.disk},
		{regexp.QuoteMeta(host.seed(like.Instance.ID)), v.seed},
		{`meson-` + like.Instance.ID + `-console\.log`, v.name + "-console.log"},
	} {
		re := regexp.MustCompile(change.from)
		if !re.MatchString(doc) {
			return nil, fmt.Errorf("the machine's XML has no %s", change.from)
		}
		doc = re.ReplaceAllLiteralString(doc, change.to)
	}
	return v, os.WriteFile(v.file, []byte(doc), 0o600)
}

// run takes the time of define and start until the domain runs and until they have
// ended, and of as many starts of virsh that only connect.
func (v *virsh) run(ctx context.Context) (ran, took, own time.Duration, err error) {
	if err := v.b.overlay(ctx, v.host, v.like.Instance.ID, v.disk, v.seed); err != nil {
		return 0, 0, 0, err
	}
	v.started.forget()
	for _, args := range [][]string{{"define", v.file}, {"start", v.name}} {
		ran = took
		begun := time.Now()
		d, _, err := v.b.timed(ctx, v.host.virsh(args...))
		if err != nil {
			return 0, 0, 0, err
		}
		took += d
		if args[0] == "start" {
			at, err := v.started.of(ctx, v.name)
			if err != nil {
				return 0, 0, 0, err
			}
			ran += at.Sub(begun)
		}
		d, _, err = v.b.timed(ctx, v.host.virsh("hostname"))
		if err != nil {
			return 0, 0, 0, err
		}
		own += d
	}
	return ran, took, own, v.gone(ctx)
}

func (v *virsh) gone(ctx context.Context) error {
	_, err := v.b.output(ctx, v.host.virsh("destroy", v.name))
	_, uerr := v.b.output(ctx, v.host.virsh("undefine", v.name))
	return errors.Join(err, uerr)
}

// clean leaves nothing; what is not there is no error.
func (v *virsh) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_ = v.gone(ctx)
	_, _ = os.Remove(v.disk), os.Remove(v.seed)
	_ = os.Remove(filepath.Join(v.host.logs, "qemu", v.name+"-console.log"))
}
