package kvm

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

// plugTries bounds how often an attachment is tried anew because something else has
// changed the machine meanwhile.
const plugTries = 8

// wiring is the disks of a domain: of its present run, if there is one, and of the
// next.
type wiring struct {
	active       bool
	live, config []link.Disk
}

// wiring reads the disks of a machine.
func (at *place) wiring(ctx context.Context, uuid string) (wiring, error) {
	return hosts.Ask(ctx, at.host, "read disks", func(c *libvirt.Connect) (wiring, error) {
		dom, err := c.LookupDomainByUUIDString(uuid)
		if err != nil {
			return wiring{}, err
		}
		defer dom.Free()
		var w wiring
		if w.active, err = dom.IsActive(); err != nil {
			return w, err
		}
		if w.config, err = disksOf(dom, libvirt.DOMAIN_XML_INACTIVE); err == nil && w.active {
			w.live, err = disksOf(dom, 0)
		}
		return w, err
	})
}

func disksOf(dom *libvirt.Domain, flags libvirt.DomainXMLFlags) ([]link.Disk, error) {
	doc, err := dom.GetXMLDesc(flags)
	if err != nil {
		return nil, err
	}
	var d description
	if err := xml.Unmarshal([]byte(doc), &d); err != nil {
		return nil, fmt.Errorf("domain: %w", err)
	}
	return d.Devices.Disks, nil
}

// missing says where the disk of an attachment is to be attached.
func (w *wiring) missing(id string) libvirt.DomainDeviceModifyFlags {
	var flags libvirt.DomainDeviceModifyFlags
	if link.Find(w.config, id) == nil {
		flags |= libvirt.DOMAIN_DEVICE_MODIFY_CONFIG
	}
	if w.active && link.Find(w.live, id) == nil {
		flags |= libvirt.DOMAIN_DEVICE_MODIFY_LIVE
	}
	return flags
}

// plug gives the host the password and the machine the disk, as far as either is
// missing.
func (p *Provider) plug(ctx context.Context, at *place, uuid string, l *link.Link) error {
	const op = "attach volume"
	if err := at.keepSecret(ctx, uuid, l); err != nil {
		return failed(op, at, err, true)
	}
	p.step("attach.secret")
	had, way := false, 0
	for try := 0; ; try++ {
		w, err := at.wiring(ctx, uuid)
		if err != nil {
			return failed(op, at, err, true)
		}
		if err := at.otherwise(ctx, uuid, l, &w); err != nil {
			return err
		}
		had = had || try == 0 && link.Find(w.live, l.ID) != nil
		flags := w.missing(l.ID)
		if flags == 0 {
			p.step("attach.attached")
			return at.regard(ctx, uuid, l, &w, had)
		}
		err = at.plugIn(ctx, uuid, l, link.Place{Machine: uuid, Target: link.FreeTarget(l.Boot, w.live, w.config), Way: way}, flags)
		if err == nil && try < plugTries {
			continue // and see
		}
		err = failed(op, at, err, true)
		trouble, known := link.TroubleOf(textOf(err), l.ID)
		switch {
		case try < plugTries && overtaken(err):
		case known && trouble.Elsewhere && way+1 < l.Ways():
			way++
		case known:
			return at.troubled(ctx, op, uuid, l.Path(), err, trouble)
		case err == nil:
			return &sdk.Error{Kind: sdk.Busy, Op: op, Subject: "host " + at.Zone, Source: sdk.SourceProvider, Text: "somebody else detaches " + l.ID + " at the same time"}
		default:
			return err
		}
	}
}

// plugIn attaches the disk.
func (at *place) plugIn(ctx context.Context, uuid string, l *link.Link, where link.Place, flags libvirt.DomainDeviceModifyFlags) error {
	doc, err := l.Disk(where)
	if err != nil {
		return err
	}
	return at.change(ctx, "attach disk", uuid, func(dom *libvirt.Domain) error { return dom.AttachDeviceFlags(doc, flags) })
}

// overtaken reports whether an attachment failed for what has changed since the
// disks were read: a name that was free is taken, or the machine has stopped.
func overtaken(err error) bool {
	text := textOf(err)
	for _, clue := range []string{"already exists", "is not running", "inactive domain"} {
		if strings.Contains(text, clue) {
			return true
		}
	}
	return false
}

// textOf is the text of an error of ours.
func textOf(err error) string {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e.Text
	}
	return ""
}

// otherwise sees to a disk of the attachment that goes another way than the link:
// in the definition it is turned; of a machine that runs nothing can be changed.
func (at *place) otherwise(ctx context.Context, uuid string, l *link.Link, w *wiring) error {
	const op = "attach volume"
	if d := link.Find(w.live, l.ID); d != nil && !l.Is(d) {
		return &sdk.Error{
			Kind: sdk.Busy, Op: op, Subject: "attachment " + l.ID, Source: sdk.SourceProvider,
			Text: "the machine that runs reaches the volume by another way than it is exported now", Hint: "detach it first, or stop the machine",
		}
	}
	d := link.Find(w.config, l.ID)
	if d == nil || l.Is(d) && l.Stands(d) {
		return nil
	}
	return failed(op, at, at.turn(ctx, uuid, l, d, 0), true)
}

// turn lets a disk of the definition go the link's way.
func (at *place) turn(ctx context.Context, uuid string, l *link.Link, d *link.Disk, way int) error {
	doc, err := l.Disk(link.Place{Machine: uuid, Target: d.Target.Dev, Address: d.Address, Way: way})
	if err != nil {
		return err
	}
	return at.change(ctx, "change disk", uuid, func(dom *libvirt.Domain) error {
		return dom.UpdateDeviceFlags(doc, libvirt.DOMAIN_DEVICE_MODIFY_CONFIG)
	})
}

// regard lets a running machine see that a volume which it had before has grown.
// With its present size QEMU reads that of a logical unit again; of a raw file the
// host says how long it is. Other files grow by ResizeAttachment alone, and what is
// reached over NBD is told of no growth.
func (at *place) regard(ctx context.Context, uuid string, l *link.Link, w *wiring, had bool) error {
	d := link.Find(w.live, l.ID)
	if !had || d == nil || l.ISCSI == nil && (l.File == nil || l.File.Format != "raw") {
		return nil
	}
	target := d.Target.Dev
	err := at.change(ctx, "look at size", uuid, func(dom *libvirt.Domain) error {
		info, err := dom.GetBlockInfo(target, 0)
		if err != nil {
			return err
		}
		size := info.Capacity
		if l.File != nil {
			size = info.Physical
			if size <= info.Capacity {
				return nil
			}
		}
		return dom.BlockResize(target, size, libvirt.DOMAIN_BLOCK_RESIZE_BYTES)
	})
	return failed("look at size of volume", at, err, true)
}
