package link

import (
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"libvirt.org/go/libvirtxml"
)

// secretSpace is the UUID name space of secrets.
const secretSpace = "9e3c2f5e-3a86-4f0c-8d43-6d65736f6e02"

// SecretUUID names the libvirt secret that holds the password of an attachment of
// a machine. It follows from both, so that what was cut off finds it again.
func SecretUUID(machine, attachment string) string {
	return uuid.NewSHA1(uuid.MustParse(secretSpace), []byte(machine+"/"+attachment)).String()
}

// SecretUsage is what libvirt's list of secrets shows for it; it begins with
// SecretPrefix of the machine.
func SecretUsage(machine, attachment string) string { return SecretPrefix(machine) + attachment }

// SecretPrefix begins the usage of every secret of a machine.
func SecretPrefix(machine string) string { return "meson/" + machine + "/" }

// Secret is the definition of the secret, without its value: it is held in
// libvirtd's memory alone, and libvirtd tells it to nobody.
func Secret(machine, attachment string) (string, error) {
	s := libvirtxml.Secret{
		Ephemeral: "yes", Private: "yes", UUID: SecretUUID(machine, attachment),
		Description: "made by Meson: password of attachment " + attachment + " of machine " + machine,
		Usage:       &libvirtxml.SecretUsage{Type: "iscsi", Target: SecretUsage(machine, attachment)},
	}
	doc, err := s.Marshal()
	if err != nil {
		return "", fmt.Errorf("secret of attachment %s: %w", attachment, err)
	}
	return doc, nil
}

// Place is where on a machine a disk goes.
type Place struct {
	// Machine is its UUID.
	Machine string
	// Target is the disk's name on the domain, such as vdc.
	Target string
	// Way numbers the portal to use, from 0 on; it wraps around.
	Way int
}

// Disk is the device that libvirt is asked to attach. Its serial is the
// attachment's id.
func (l *Link) Disk(at Place) (string, error) {
	d := libvirtxml.DomainDisk{
		Device: "disk",
		Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: "raw", Cache: "none", Discard: "unmap"},
		Target: &libvirtxml.DomainDiskTarget{Dev: at.Target, Bus: "virtio"},
		Serial: l.ID,
	}
	if l.Boot {
		d.Boot = &libvirtxml.DomainDeviceBoot{Order: 1}
	}
	if l.ReadOnly {
		d.ReadOnly = &libvirtxml.DomainDiskReadOnly{}
	}
	switch {
	case l.File != nil:
		// As the disks that are made for machines: through the page cache, the
		// guest's flushes kept. QEMU locks the image.
		d.Driver.Type, d.Driver.Cache = l.File.Format, "writeback"
		d.Source = &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: l.File.Path}}
	case l.ISCSI != nil:
		d.Source = &libvirtxml.DomainDiskSource{Network: l.iscsi(at, &d)}
	case l.NBD != nil:
		d.Source = &libvirtxml.DomainDiskSource{Network: l.nbd()}
	default:
		return "", fmt.Errorf("attachment %s is no disk", l.ID)
	}
	doc, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("disk of attachment %s: %w", l.ID, err)
	}
	return doc, nil
}

func (l *Link) iscsi(at Place, d *libvirtxml.DomainDisk) *libvirtxml.DomainDiskSourceNetwork {
	s := l.ISCSI
	portal := s.Portals[at.Way%len(s.Portals)]
	n := &libvirtxml.DomainDiskSourceNetwork{
		Protocol: "iscsi", Name: s.Target + "/" + strconv.FormatUint(uint64(s.LUN), 10),
		Hosts: []libvirtxml.DomainDiskSourceHost{{Name: portal.Host, Port: portal.Port}},
	}
	if s.Initiator != "" {
		n.Initiator = &libvirtxml.DomainDiskSourceNetworkInitiator{IQN: &libvirtxml.DomainDiskSourceNetworkIQN{Name: s.Initiator}}
	}
	if s.User != "" {
		d.Auth = &libvirtxml.DomainDiskAuth{
			Username: s.User, Secret: &libvirtxml.DomainDiskSecret{Type: "iscsi", UUID: SecretUUID(at.Machine, l.ID)},
		}
	}
	return n
}

func (l *Link) nbd() *libvirtxml.DomainDiskSourceNetwork {
	s := l.NBD
	host := libvirtxml.DomainDiskSourceHost{Name: s.Host, Port: s.Port}
	if s.Socket != "" {
		host = libvirtxml.DomainDiskSourceHost{Transport: "unix", Socket: s.Socket}
	}
	return &libvirtxml.DomainDiskSourceNetwork{Protocol: "nbd", Name: s.Export, Hosts: []libvirtxml.DomainDiskSourceHost{host}}
}

// Target is the n-th name for a disk, from vda on.
func Target(n int) string {
	name := ""
	for ; n >= 0; n = n/26 - 1 {
		name = string(rune('a'+n%26)) + name
	}
	return "vd" + name
}
