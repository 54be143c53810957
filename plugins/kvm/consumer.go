package kvm

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk/pb"
)

// initiatorPrefix begins the iSCSI name of a host that is given none; libvirt's
// UUID of the host ends it.
const initiatorPrefix = "iqn.2026-01.dev.meson:host-"

// initiator is the name that a host's QEMU gives to targets.
func (s *Site) initiator(uuid string) string {
	if s.InitiatorIQN != "" || uuid == "" {
		return s.InitiatorIQN
	}
	return initiatorPrefix + uuid
}

// consumer is how a machine on a host reaches volumes. One that is to be made is
// told at its first boot what to mount; told says whether this one can be. Where no
// file or socket of the host is taken, the host is not named, so that nobody offers
// one: it is all that the name is for.
func (s *Site) consumer(provider, uuid string, told bool) *pb.Consumer {
	c := &pb.Consumer{
		Kinds:    []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_ISCSI, pb.ConnectionKind_CONNECTION_KIND_NBD},
		Networks: slices.Clone(s.StorageNetworks), InitiatorIqn: s.initiator(uuid),
		Provider: provider, Zone: s.Zone, GuestMounts: told,
	}
	if len(s.VolumeDirs) > 0 && uuid != "" {
		c.Host = uuid
		if s.takesFiles() {
			c.Kinds = slices.Insert(c.Kinds, 0, pb.ConnectionKind_CONNECTION_KIND_FILE)
		}
	}
	if told {
		c.Kinds = append(c.Kinds, pb.ConnectionKind_CONNECTION_KIND_NFS)
	}
	return c
}

// mounts reports whether guests of a family run what cloud-init's vendor data say.
func mounts(family string) bool { return family != "windows" && family != "macos" }

// identify is libvirt's UUID of the host, empty where libvirt has none. It is asked
// for once.
func (at *place) identify(c *libvirt.Connect) (string, error) {
	if known := at.uuid.Load(); known != nil {
		return *known, nil
	}
	doc, err := c.GetCapabilities()
	if err != nil {
		return "", err
	}
	var caps struct {
		UUID string `xml:"host>uuid"`
	}
	if err := xml.Unmarshal([]byte(doc), &caps); err != nil {
		return "", fmt.Errorf("capabilities: %w", err)
	}
	at.uuid.Store(&caps.UUID)
	return caps.UUID, nil
}

// identifyBy is identify over the connection of a domain.
func (at *place) identifyBy(dom *libvirt.Domain) error {
	c, err := dom.DomainGetConnect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = at.identify(c)
	return err
}

// linkHost is what connections of machines on the host must fit.
func (at *place) linkHost(ctx context.Context) (link.Host, error) {
	uuid, err := hosts.Ask(ctx, at.host, "read capabilities", at.identify)
	if err != nil {
		return link.Host{}, err
	}
	return link.Host{UUID: uuid, Initiator: at.initiator(uuid), Dirs: at.VolumeDirs}, nil
}
