package kvm

import (
	"context"
	"encoding/xml"
	"errors"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

// troubled is the error of a call that failed for one of a machine's attachments:
// what the host said, and what that means. file is what the attachment is, where it
// is a file.
func (at *place) troubled(ctx context.Context, op, uuid, file string, err error, t link.Trouble) error {
	e := &sdk.Error{Kind: t.Kind, Op: op, Subject: "host " + at.Zone, Source: sdk.SourceProvider, Text: t.Text, Hint: t.Hint}
	if said, ok := errors.AsType[*sdk.Error](err); ok {
		e.Code = said.Code
		e.Text += ": " + sdk.CleanText(link.Short(said.Text), 300)
	}
	switch {
	case t.Kind == sdk.Exhausted:
		e.Scope = sdk.ScopeCapacity
	case t.Locked:
		if doms, err := at.host.DomainsNow(ctx); err == nil {
			if who := holderOf(doms, uuid, file); who != "" {
				e.Text = t.Text + ": " + who + " has it"
			}
		}
	}
	return e
}

// startTrouble is err, or what it means where a machine could not be started for
// one of its attachments.
func (at *place) startTrouble(ctx context.Context, uuid string, err error) (error, bool) {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Code == "" {
		return err, false
	}
	m, lost := at.read(ctx, uuid)
	if lost != nil {
		return err, false
	}
	t, known := link.StartTrouble(e.Text, uuid, m.records, m.disks)
	if !known {
		return err, false
	}
	file := ""
	if d := link.Find(m.disks, t.Attachment); d != nil {
		file = d.Source.File
	}
	return at.troubled(ctx, e.Op, uuid, file, err, t), true
}

// holderOf names the domain that runs with a file.
func holderOf(doms []*hosts.Domain, but, file string) string {
	if file == "" {
		return ""
	}
	for _, d := range doms {
		if d.UUID == but || !d.Active() || !strings.Contains(d.XML, file) {
			continue
		}
		if !slices.ContainsFunc(disksIn(d), func(k link.Disk) bool { return k.Source.File == file }) {
			continue
		}
		var doc description
		if xml.Unmarshal([]byte(d.XML), &doc) == nil {
			if c, err := inventory.ParseClaim(doc.Metadata.Inner); err == nil && c != nil {
				return "machine " + c.Name + ", allocation " + c.Allocation + " of broker " + c.Broker
			}
		}
		return "domain " + d.Name
	}
	return ""
}

func disksIn(d *hosts.Domain) []link.Disk {
	var doc description
	if xml.Unmarshal([]byte(d.XML), &doc) != nil {
		return nil
	}
	return doc.Devices.Disks
}
