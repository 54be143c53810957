package kvm

import (
	"context"
	"fmt"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Attach notes the attachment on the domain, gives libvirt its password, then
// attaches the disk to the machine that runs and to its definition. Each of these
// is done if it is not so already, so that whoever was cut off repeats the call. Of
// what is attached, the password is set again, and a running guest hears if the
// volume has grown.
func (p *Provider) Attach(ctx context.Context, req *pb.AttachRequest) (*pb.Instance, error) {
	const op = "attach volume"
	m, unlock, err := p.linked(ctx, op, req.GetId(), req.GetBroker())
	if err != nil {
		return nil, err
	}
	defer unlock()
	host, err := m.at.linkHost(ctx)
	if err != nil {
		return nil, failed(op, m.at, err, false)
	}
	l, err := link.Read(op, req.GetAttachment(), host)
	if err != nil {
		return nil, err
	}
	if err := p.mayAttach(m, &l); err != nil {
		return nil, err
	}
	have := m.record(l.ID)
	if have != nil {
		l.Boot = have.Boot
	}
	err = p.afterLook(ctx,
		func() error { return m.at.inspect(ctx, op, &l) },
		func() error { return p.link(ctx, m.at, m.uuid, &l, have) })
	if err != nil {
		return nil, err
	}
	return p.relinked(ctx, m, l.ID, true)
}

// mayAttach refuses what cannot be done to a machine that exists.
func (p *Provider) mayAttach(m *machine, l *link.Link) error {
	e := &sdk.Error{Op: "attach volume", Subject: m.name, Source: sdk.SourcePlugin}
	have := m.record(l.ID)
	switch {
	case have != nil && (have.Volume != l.Volume || have.Kind == link.KindNFS && l.IsDisk()):
		e.Kind, e.Source = sdk.Conflict, sdk.SourceProvider
		e.Text = fmt.Sprintf("attachment %s is of volume %s, by %s", l.ID, have.Volume, have.Kind)
	case have == nil && l.Boot:
		e.Kind = sdk.Unsupported
		e.Text, e.Hint = "a machine goes on booting from the disk that it was made with", "make a machine that boots from the volume, or attach it without boot"
	case have == nil && !l.IsDisk():
		e.Kind = sdk.Unsupported
		e.Text = "a guest is told what to mount at its first boot alone"
		e.Hint = "in the guest: mkdir -p /mnt/" + l.Name + " && " + l.MountCommand()
	default:
		return nil
	}
	return e
}

// linked is the machine whose attachments are to be changed, held until unlock.
func (p *Provider) linked(ctx context.Context, op, id, broker string) (m *machine, unlock func(), err error) {
	unlock, err = p.linking.Lock(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if m, err = p.find(ctx, ref{uuid: id, broker: broker}); err != nil {
		unlock()
		return nil, nil, err
	}
	if j := p.jobs.find(m.uuid); !m.ran || j != nil && !j.ended() {
		unlock()
		return nil, nil, &sdk.Error{
			Kind: sdk.Busy, Op: op, Subject: m.name, Source: sdk.SourceProvider,
			Text: "it is still being made", Hint: "wait until it runs, or repeat its Create",
		}
	}
	return m, unlock, nil
}

// relinked reads the machine again and answers with it. Busy where another call has
// undone meanwhile what this one did.
func (p *Provider) relinked(ctx context.Context, m *machine, id string, want bool) (*pb.Instance, error) {
	const op = "read machine"
	now, err := m.at.read(ctx, m.uuid)
	if hosts.Is(err, libvirt.ERR_NO_DOMAIN) {
		// It was removed meanwhile, by another process.
		if err := m.at.dropSecrets(ctx, m.uuid); err != nil {
			p.log.Warn("password stays on host", "host", m.at.Zone, "machine", m.uuid, "error", hosts.Text(err))
		}
	}
	if err != nil {
		return nil, failed(op, m.at, err, true)
	}
	if have := now.record(id) != nil; have != want {
		return nil, &sdk.Error{
			Kind: sdk.Busy, Op: op, Subject: m.name, Source: sdk.SourceProvider,
			Text: "somebody else attaches or detaches " + id + " at the same time",
		}
	}
	return p.instance(ctx, now), nil
}

// record is what the machine says of an attachment, nil for nothing.
func (m *machine) record(id string) *link.Record {
	for i := range m.records {
		if m.records[i].ID == id {
			return &m.records[i]
		}
	}
	return nil
}

// link does all of an Attach. have is the record that is there already; without any
// there is nothing of it yet, and a refusal leaves nothing either.
func (p *Provider) link(ctx context.Context, at *place, uuid string, l *link.Link, have *link.Record) error {
	if have == nil || *have != link.RecordOf(l) {
		if err := at.noteLink(ctx, uuid, l); err != nil {
			return failed("attach volume", at, err, true)
		}
	}
	p.step("attach.noted")
	if !l.IsDisk() {
		return nil
	}
	err := p.plug(ctx, at, uuid, l)
	if err == nil || have != nil || sdk.KindOf(err) == sdk.Uncertain {
		return err
	}
	return p.unlink(ctx, at, uuid, l.ID, err)
}

// unlink undoes an Attach that was refused, and gives its refusal. Nothing is undone,
// and nothing wrong, where another call has attached the volume meanwhile.
func (p *Provider) unlink(ctx context.Context, at *place, uuid, id string, refusal error) error {
	ctx = context.WithoutCancel(ctx)
	w, err := at.wiring(ctx, uuid)
	if err == nil && w.missing(id) == 0 {
		return nil
	}
	if d := link.Find(w.config, id); err == nil && d != nil {
		err = at.unplugConfig(ctx, uuid, d.Target.Dev)
	}
	if err == nil {
		err = p.unnote(ctx, at, uuid, id)
	}
	if err != nil {
		p.log.Warn("attachment that was refused stays noted", "host", at.Zone, "machine", uuid, "attachment", id, "error", hosts.Text(err))
	}
	return refusal
}

// noteLink writes the record of a link.
func (at *place) noteLink(ctx context.Context, uuid string, l *link.Link) error {
	element, err := link.RecordOf(l).Element()
	if err != nil {
		return err
	}
	return at.noteRecord(ctx, uuid, l.ID, element)
}

// noteRecord writes a record, or takes it away where the element is empty.
func (at *place) noteRecord(ctx context.Context, uuid, id, element string) error {
	prefix, space := link.Space(id)
	return at.change(ctx, "note attachment", uuid, func(dom *libvirt.Domain) error {
		impact := libvirt.DOMAIN_AFFECT_CONFIG
		if active, err := dom.IsActive(); err == nil && active {
			impact |= libvirt.DOMAIN_AFFECT_LIVE
		}
		err := note(dom, element, prefix, space, impact)
		if element == "" && hosts.Is(err, libvirt.ERR_NO_DOMAIN_METADATA) {
			return nil
		}
		return err
	})
}

// unnote takes away what an attachment leaves beside its disk.
func (p *Provider) unnote(ctx context.Context, at *place, uuid, id string) error {
	if err := at.dropSecret(ctx, uuid, id); err != nil {
		return err
	}
	p.step("detach.secret")
	return at.noteRecord(ctx, uuid, id, "")
}
