package kvm

import (
	"context"
	"fmt"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// SetPower starts the change and answers with what the machine shows then.
func (p *Provider) SetPower(ctx context.Context, req *pb.SetPowerRequest) (*pb.Instance, error) {
	const op = "set power"
	m, err := p.find(ctx, ref{uuid: req.GetId(), broker: req.GetBroker(), zone: req.GetZone()})
	if err != nil {
		return nil, err
	}
	if !m.ran {
		return nil, &sdk.Error{
			Kind: sdk.Busy, Op: op, Subject: m.name, Source: sdk.SourceProvider,
			Text: "it is still being made", Hint: "wait until it runs, or repeat its Create",
		}
	}
	change := func() error {
		err := m.at.change(ctx, op, m.uuid, func(dom *libvirt.Domain) error { return power(dom, req.GetAction()) })
		if err == nil {
			return nil
		}
		err = failed(op, m.at, err, true)
		if trouble, known := m.at.startTrouble(ctx, m.uuid, err); known {
			return trouble
		}
		return refusedPower(err)
	}
	if req.GetAction() == pb.SetPowerRequest_ACTION_START && !m.active() {
		err = p.startAfterLook(ctx, m, change)
	} else {
		err = change()
	}
	if err != nil {
		return nil, err
	}
	m, err = m.at.read(ctx, m.uuid)
	if err != nil {
		return nil, failed(op, m.at, err, true)
	}
	return p.instance(ctx, m), nil
}

// startAfterLook starts a machine that is off. Nobody attaches or detaches meanwhile.
func (p *Provider) startAfterLook(ctx context.Context, m *machine, start func() error) error {
	unlock, err := p.linking.Lock(ctx, m.uuid)
	if err != nil {
		return err
	}
	defer unlock()
	return p.afterLook(ctx, func() error { return m.settleFiles(ctx) }, start)
}

// power does what is asked unless it is so already.
func power(dom *libvirt.Domain, action pb.SetPowerRequest_Action) error {
	active, err := dom.IsActive()
	if err != nil {
		return err
	}
	switch action {
	case pb.SetPowerRequest_ACTION_START:
		if active {
			return resume(dom)
		}
		return unless(dom, true, dom.Create())
	case pb.SetPowerRequest_ACTION_STOP:
		if !active {
			return nil
		}
		if err := askStop(dom); err != nil {
			return unless(dom, false, err)
		}
		if err := dom.Shutdown(); err != nil {
			unaskStop(dom)
			return unless(dom, false, err)
		}
		return nil
	case pb.SetPowerRequest_ACTION_STOP_HARD:
		if !active {
			return nil
		}
		return unless(dom, false, dom.Destroy())
	case pb.SetPowerRequest_ACTION_REBOOT:
		return dom.Reboot(libvirt.DOMAIN_REBOOT_DEFAULT)
	case pb.SetPowerRequest_ACTION_REBOOT_HARD:
		unaskStop(dom)
		return dom.Reset(0)
	}
	return fmt.Errorf("action %s is not known", action)
}

// unless forgives an error if the domain is by now what it was to become.
func unless(dom *libvirt.Domain, active bool, err error) error {
	if err == nil || !hosts.Is(err, libvirt.ERR_OPERATION_INVALID) {
		return err
	}
	if now, e := dom.IsActive(); e == nil && now == active {
		return nil
	}
	return err
}

// resume lets a paused domain go on, and forgets that it was asked to stop.
func resume(dom *libvirt.Domain) error {
	state, _, err := dom.GetState()
	if err == nil && state == libvirt.DOMAIN_PAUSED {
		return dom.Resume()
	}
	return err
}

// askStop notes on the running domain, and nowhere else, that it is to stop: the
// note goes when it does.
func askStop(dom *libvirt.Domain) error {
	asked := "<ask stop='" + time.Now().UTC().Format(time.RFC3339) + "'/>"
	return note(dom, asked, askPrefix, askNamespace, libvirt.DOMAIN_AFFECT_LIVE)
}

// unaskStop takes the note back. What remains of a note that cannot be taken back
// is only for show, and for minutes.
func unaskStop(dom *libvirt.Domain) {
	_ = note(dom, "", askPrefix, askNamespace, libvirt.DOMAIN_AFFECT_LIVE)
}

// refusedPower: a stopped machine cannot be rebooted, however often it is asked.
func refusedPower(err error) error {
	if e, ok := err.(*sdk.Error); ok && e.Kind == sdk.Busy {
		e.Kind = sdk.Invalid
	}
	return err
}
