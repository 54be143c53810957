package kvm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	// releasePatience is how long a guest has to let go of a disk.
	releasePatience = 10 * time.Second
	// releasePoll is how often it is looked at without any event.
	releasePoll = time.Second
	// agentPatience bounds the question to a guest's agent.
	agentPatience = 3 * time.Second
)

// Detach asks the running machine to let go of the disk and waits until it has,
// then takes it out of the definition, then the password and the record away. What
// is not attached is done.
func (p *Provider) Detach(ctx context.Context, req *pb.DetachRequest) (*pb.Instance, error) {
	const op = "detach volume"
	m, unlock, err := p.linked(ctx, op, req.GetId(), req.GetBroker())
	if err != nil {
		return nil, err
	}
	defer unlock()
	id := req.GetAttachmentId()
	if err := m.mayDetach(id); err != nil {
		return nil, err
	}
	if err := p.unplug(ctx, m, id); err != nil {
		return nil, err
	}
	if err := p.unnote(ctx, m.at, m.uuid, id); err != nil {
		return nil, failed(op, m.at, err, true)
	}
	p.step("detach.noted")
	return p.relinked(ctx, m, id, false)
}

// mayDetach refuses what cannot be done.
func (m *machine) mayDetach(id string) error {
	r := m.record(id)
	e := &sdk.Error{Kind: sdk.Busy, Op: "detach volume", Subject: m.name, Source: sdk.SourceProvider}
	switch {
	case r == nil || !m.active():
		return nil
	case r.Boot:
		e.Text, e.Hint = "it boots from this volume, and runs", "stop the machine first"
	case r.Kind == link.KindNFS:
		e.Text = "its guest was told to mount the volume at /mnt/" + r.Name + ", and nobody can tell it to let go"
		e.Hint = "stop the machine first; a machine that is removed lets go by itself"
	default:
		return nil
	}
	return e
}

// unplug takes a disk from the machine that runs, then from its definition.
func (p *Provider) unplug(ctx context.Context, m *machine, id string) error {
	const op = "detach volume"
	at := m.at
	w, err := at.wiring(ctx, m.uuid)
	if err != nil {
		return failed(op, at, err, true)
	}
	if d := link.Find(w.live, id); d != nil {
		if err := at.unmounted(ctx, m, d.Target.Dev); err != nil {
			return err
		}
		if err := at.release(ctx, m, id); err != nil {
			return err
		}
	}
	p.step("detach.released")
	if d := link.Find(w.config, id); d != nil {
		if err := at.unplugConfig(ctx, m.uuid, d.Target.Dev); err != nil {
			return failed(op, at, err, true)
		}
	}
	p.step("detach.removed")
	return nil
}

// release asks the guest for a disk until it is gone, time is up, or the machine is
// off.
func (at *place) release(ctx context.Context, m *machine, id string) error {
	const op = "detach volume"
	changes := at.host.Subscribe(m.uuid)
	defer changes.Close()
	limited, cancel := context.WithTimeout(ctx, releasePatience)
	defer cancel()
	for {
		w, err := at.wiring(limited, m.uuid)
		if err != nil && limited.Err() == nil {
			return failed(op, at, err, true)
		}
		d := link.Find(w.live, id)
		if err == nil && d == nil {
			return nil
		}
		if err == nil {
			// Again and again: a guest that was just booting did not hear it.
			if err := at.askRelease(limited, m.uuid, d.Alias.Name); err != nil && limited.Err() == nil {
				return failed(op, at, err, true)
			}
		}
		timer := time.NewTimer(releasePoll)
		select {
		case <-changes.C:
		case <-timer.C:
		case <-limited.Done():
		}
		timer.Stop()
		if limited.Err() != nil {
			return &sdk.Error{
				Kind: sdk.Busy, Op: op, Subject: m.name, Source: sdk.SourceProvider,
				Text: fmt.Sprintf("its guest has been asked to let go of disk %s and has not: it has not booted yet, or holds it", id),
				Hint: "detach it again when the guest is done with it, or stop the machine",
			}
		}
	}
}

// askRelease begins to take a disk from the running guest.
func (at *place) askRelease(ctx context.Context, uuid, alias string) error {
	err := at.change(ctx, "ask for disk", uuid, func(dom *libvirt.Domain) error {
		return dom.DetachDeviceAlias(alias, libvirt.DOMAIN_DEVICE_MODIFY_LIVE)
	})
	if hosts.Is(err, libvirt.ERR_DEVICE_MISSING, libvirt.ERR_OPERATION_INVALID) || err != nil && strings.Contains(hosts.Text(err), "process of unplug") {
		return nil // it is gone, the machine is off, or it has been asked
	}
	return err
}

// unplugConfig takes a disk out of the definition; one that is not there is done.
func (at *place) unplugConfig(ctx context.Context, uuid, target string) error {
	doc, err := (&libvirtxml.DomainDisk{Device: "disk", Target: &libvirtxml.DomainDiskTarget{Dev: target, Bus: "virtio"}}).Marshal()
	if err != nil {
		return fmt.Errorf("disk %s: %w", target, err)
	}
	err = at.change(ctx, "take disk out", uuid, func(dom *libvirt.Domain) error {
		return dom.DetachDeviceFlags(doc, libvirt.DOMAIN_DEVICE_MODIFY_CONFIG)
	})
	if hosts.Is(err, libvirt.ERR_DEVICE_MISSING) || err != nil && strings.Contains(hosts.Text(err), "no target device") {
		return nil
	}
	return err
}

// unmounted is Busy where the guest has file systems of a disk mounted, as its agent
// says, and where the agent is there and does not say. One that does not know the
// question is none.
func (at *place) unmounted(ctx context.Context, m *machine, target string) error {
	if !m.agent {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	found, err := hosts.Ask(ctx, at.host, "ask for mounts", func(c *libvirt.Connect) ([]libvirt.DomainFSInfo, error) {
		dom, err := c.LookupDomainByUUIDString(m.uuid)
		if err != nil {
			return nil, err
		}
		defer dom.Free()
		return dom.GetFSInfo(0)
	})
	refusal := &sdk.Error{Kind: sdk.Busy, Op: "detach volume", Subject: m.name, Source: sdk.SourceProvider}
	mounted := mountedOn(found, target)
	switch {
	case silent(err):
		refusal.Text = "its guest's agent does not say whether the volume is mounted: " + hosts.Text(err)
		refusal.Hint = "detach it again when the agent answers, or stop the machine"
	case len(mounted) > 0:
		refusal.Text, refusal.Hint = "its guest has the volume mounted at "+strings.Join(mounted, ", "), "unmount it in the guest"
	default:
		return nil
	}
	return refusal
}

// silent reports whether an agent that was asked has left it open: an error that is
// neither that it cannot be asked this nor that the machine is off.
func silent(err error) bool {
	return err != nil && !unsupported(err) && !hosts.Is(err, libvirt.ERR_OPERATION_INVALID, libvirt.ERR_NO_DOMAIN)
}

func mountedOn(all []libvirt.DomainFSInfo, target string) []string {
	var out []string
	for _, f := range all {
		if slices.Contains(f.DevAlias, target) {
			out = append(out, f.MountPoint)
		}
	}
	slices.Sort(out)
	return out
}
