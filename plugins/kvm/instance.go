package kvm

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk/pb"
)

// stopPatience is how long a guest that was asked to shut down is said to be
// stopping.
const stopPatience = 5 * time.Minute

// instance is a machine in the words of the contract, with its addresses if it
// runs.
func (p *Provider) instance(ctx context.Context, m *machine) *pb.Instance {
	var addresses []*pb.Address
	switch state, _ := m.status(time.Now()); state {
	case pb.InstanceState_INSTANCE_STATE_RUNNING, pb.InstanceState_INSTANCE_STATE_STOPPING:
		addresses = m.addresses(ctx)
	}
	return p.instanceWith(m, addresses)
}

func (p *Provider) instanceWith(m *machine, addresses []*pb.Address) *pb.Instance {
	c := m.claim
	in := &pb.Instance{
		Id:     m.uuid,
		Owner:  &pb.Owner{Broker: c.Broker, Allocation: c.Allocation, Key: c.Key, Request: c.Request},
		Name:   c.Name,
		Region: m.at.Region,
		Zone:   m.at.Zone,
		Shape:  c.Shape,
	}
	if !c.CreatedAt.IsZero() {
		in.CreatedAt = timestamppb.New(c.CreatedAt)
	}
	if uuid := m.at.uuid.Load(); uuid != nil {
		in.Consumer = m.at.consumer(p.name, *uuid, false)
	}
	for _, r := range m.records {
		in.Attachments = append(in.Attachments, r.Attachment(m.disks))
	}
	in.State, in.Message = m.status(time.Now())
	switch in.State {
	case pb.InstanceState_INSTANCE_STATE_CREATING:
		p.creating(m, in)
	case pb.InstanceState_INSTANCE_STATE_RUNNING, pb.InstanceState_INSTANCE_STATE_STOPPING:
		in.Console = m.vnc
		in.Addresses = addresses
	}
	return in
}

// status is the state that a machine shows, and what is to be said about it.
func (m *machine) status(now time.Time) (pb.InstanceState, string) {
	if !m.ran && m.state != libvirt.DOMAIN_CRASHED {
		// Also where it has been started by now: a Create that was killed just then
		// is to be repeated, or it is never noted that the machine has run.
		return pb.InstanceState_INSTANCE_STATE_CREATING, ""
	}
	switch m.state {
	case libvirt.DOMAIN_SHUTOFF, libvirt.DOMAIN_NOSTATE:
		return pb.InstanceState_INSTANCE_STATE_STOPPED, stoppedBy(libvirt.DomainShutoffReason(m.reason))
	case libvirt.DOMAIN_CRASHED:
		return pb.InstanceState_INSTANCE_STATE_FAILED, "the guest has crashed"
	case libvirt.DOMAIN_PAUSED:
		if libvirt.DomainPausedReason(m.reason) == libvirt.DOMAIN_PAUSED_STARTING_UP {
			return pb.InstanceState_INSTANCE_STATE_STARTING, ""
		}
		if libvirt.DomainPausedReason(m.reason) == libvirt.DOMAIN_PAUSED_IOERROR {
			return pb.InstanceState_INSTANCE_STATE_FAILED, "paused after an error of its disk, which may be full"
		}
		return pb.InstanceState_INSTANCE_STATE_RUNNING, "paused on its host"
	case libvirt.DOMAIN_SHUTDOWN:
		return pb.InstanceState_INSTANCE_STATE_STOPPING, ""
	}
	if m.stopAsked.IsZero() {
		return pb.InstanceState_INSTANCE_STATE_RUNNING, ""
	}
	if now.Sub(m.stopAsked) > stopPatience {
		return pb.InstanceState_INSTANCE_STATE_RUNNING, "it was asked to shut down at " + m.stopAsked.Format(time.RFC3339) + " and has not"
	}
	return pb.InstanceState_INSTANCE_STATE_STOPPING, ""
}

// stoppedBy is why a machine does not run, where nobody has asked for that. It can be
// started again in any case, so it has not failed.
func stoppedBy(reason libvirt.DomainShutoffReason) string {
	switch reason {
	case libvirt.DOMAIN_SHUTOFF_CRASHED:
		return "crashed: its process ended unexpectedly; it can be started again"
	case libvirt.DOMAIN_SHUTOFF_FAILED:
		return "its host could not start it the last time; it can be tried again"
	}
	return ""
}

// creating fills in how far a machine is that has not been started yet.
func (p *Provider) creating(m *machine, in *pb.Instance) {
	j := p.jobs.find(m.uuid)
	switch {
	case j == nil:
		step := "claimed"
		switch {
		case m.active():
			step = "started"
		case m.claim.State == inventory.Held:
			step = "held"
		}
		in.Progress = &pb.Progress{Step: step, Text: "waits for Create to be repeated"}
	case j.ended() && j.err != nil:
		in.Progress = &pb.Progress{Step: "waiting", Text: j.err.Error()}
	default:
		now, _ := j.now()
		in.Progress = proto.CloneOf(now)
	}
}

// addressPatience bounds the look for addresses, which is no reason to keep an
// answer waiting.
const addressPatience = time.Second

// addresses are those that the host has leased to the machine, or that its
// agent tells of.
func (m *machine) addresses(ctx context.Context) []*pb.Address {
	ctx, cancel := context.WithTimeout(ctx, addressPatience)
	defer cancel()
	sources := []libvirt.DomainInterfaceAddressesSource{libvirt.DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE}
	if m.agent {
		sources = append(sources, libvirt.DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
	}
	for _, source := range sources {
		found, err := hosts.Ask(ctx, m.at.host, "read addresses", func(c *libvirt.Connect) ([]libvirt.DomainInterface, error) {
			dom, err := c.LookupDomainByUUIDString(m.uuid)
			if err != nil {
				return nil, err
			}
			defer dom.Free()
			return dom.ListAllInterfaceAddresses(source)
		})
		if err != nil {
			continue
		}
		if out := m.addressesOf(found); len(out) > 0 {
			return out
		}
	}
	return nil
}

func (m *machine) addressesOf(found []libvirt.DomainInterface) []*pb.Address {
	var out []*pb.Address
	for _, i := range found {
		network := m.networkOf(i.Hwaddr)
		if i.Name == "lo" {
			continue
		}
		for _, a := range i.Addrs {
			out = append(out, &pb.Address{
				Ip: a.Addr, Network: network,
				Public: network != "" && network == m.at.PublicNetwork,
			})
		}
	}
	return out
}
