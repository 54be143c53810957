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
	// Address is that of a disk whose place is taken; nil leaves it to libvirt.
	Address *libvirtxml.DomainAddress
	// Way numbers the portal to use, from 0 on; it wraps around.
	Way int
}

// Disk is Device as libvirt reads it.
func (l *Link) Disk(at Place) (string, error) {
	d, err := l.Device(at)
	if err != nil {
		return "", err
	}
	doc, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("disk of attachment %s: %w", l.ID, err)
	}
	return doc, nil
}

// Device is the disk that the machine is to have. Its serial is the attachment's id.
func (l *Link) Device(at Place) (*libvirtxml.DomainDisk, error) {
	d := &libvirtxml.DomainDisk{
		Device: "disk",
		Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: "raw", Cache: "none", Discard: "unmap"},
		Target: &libvirtxml.DomainDiskTarget{Dev: at.Target, Bus: "virtio"},
		Serial: l.ID, Address: at.Address,
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
		d.Source, d.BackingStore = source(l.File.Path), l.File.backing()
	case l.ISCSI != nil:
		d.Source = &libvirtxml.DomainDiskSource{Network: l.iscsi(at, d)}
	case l.NBD != nil:
		d.Source = &libvirtxml.DomainDiskSource{Network: l.nbd()}
	default:
		return nil, fmt.Errorf("attachment %s is no disk", l.ID)
	}
	return d, nil
}

// Devices are the disks of a machine that is to be made, in the order of the links:
// vda is the one that it boots from, the others begin at vdc.
func Devices(machine string, links []Link) ([]libvirtxml.DomainDisk, error) {
	var out []libvirtxml.DomainDisk
	next := 2
	for i := range links {
		if !links[i].IsDisk() {
			continue
		}
		at := Place{Machine: machine, Target: Target(0)}
		if !links[i].Boot {
			at.Target = Target(next)
			next++
		}
		d, err := links[i].Device(at)
		if err != nil {
			return nil, err
		}
		out = append(out, *d)
	}
	return out, nil
}

func source(path string) *libvirtxml.DomainDiskSource {
	return &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: path}}
}

// backing is what the file stands on, to its end, which is stated as well: libvirt
// and QEMU look for nothing more.
func (f *File) backing() *libvirtxml.DomainDiskBackingStore {
	top := &libvirtxml.DomainDiskBackingStore{}
	at := top
	for _, x := range f.Below {
		at.Format, at.Source = &libvirtxml.DomainDiskFormat{Type: x.Format}, source(x.Path)
		at.BackingStore = &libvirtxml.DomainDiskBackingStore{}
		at = at.BackingStore
	}
	return top
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
