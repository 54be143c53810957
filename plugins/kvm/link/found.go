package link

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Disk is as much of a disk in a domain's XML as concerns us.
type Disk struct {
	Type   string `xml:"type,attr"`
	Driver struct {
		Format string `xml:"type,attr"`
	} `xml:"driver"`
	Auth struct {
		User string `xml:"username,attr"`
	} `xml:"auth"`
	Source struct {
		File     string `xml:"file,attr"`
		Protocol string `xml:"protocol,attr"`
		Name     string `xml:"name,attr"`
		Hosts    []struct {
			Name   string `xml:"name,attr"`
			Port   string `xml:"port,attr"`
			Socket string `xml:"socket,attr"`
		} `xml:"host"`
		Initiator struct {
			IQN struct {
				Name string `xml:"name,attr"`
			} `xml:"iqn"`
		} `xml:"initiator"`
		Auth struct {
			User string `xml:"username,attr"`
		} `xml:"auth"`
	} `xml:"source"`
	Target struct {
		Dev string `xml:"dev,attr"`
	} `xml:"target"`
	Serial string `xml:"serial"`
	Alias  struct {
		Name string `xml:"name,attr"`
	} `xml:"alias"`
	Backing  *Backing                  `xml:"backingStore"`
	Address  *libvirtxml.DomainAddress `xml:"address"`
	ReadOnly *struct{}                 `xml:"readonly"`
	Boot     *struct{}                 `xml:"boot"`
}

// Backing is what a disk stands on; without a file it is the end.
type Backing struct {
	Format struct {
		Type string `xml:"type,attr"`
	} `xml:"format"`
	Source struct {
		File string `xml:"file,attr"`
	} `xml:"source"`
	Backing *Backing `xml:"backingStore"`
}

// Find is the disk of an attachment, nil if there is none.
func Find(disks []Disk, id string) *Disk {
	i := slices.IndexFunc(disks, func(d Disk) bool { return id != "" && d.Serial == id })
	if i < 0 {
		return nil
	}
	return &disks[i]
}

// FreeTarget is the first name that none of the disks has; those of the disks
// that a machine is made with are kept free for them.
func FreeTarget(boot bool, lists ...[]Disk) string {
	n := 2
	if boot {
		n = 0
	}
	for ; ; n++ {
		name := Target(n)
		taken := slices.ContainsFunc(slices.Concat(lists...), func(d Disk) bool { return d.Target.Dev == name })
		if !taken {
			return name
		}
	}
}

// Stands reports whether a disk that goes the way of the link is read from just the
// files that the link is.
func (l *Link) Stands(d *Disk) bool {
	if l.File == nil {
		return true
	}
	b := d.Backing
	for _, x := range l.File.Below {
		if b == nil || b.Source.File != x.Path || b.Format.Type != x.Format {
			return false
		}
		b = b.Backing
	}
	return b != nil && b.Source.File == "" && d.Driver.Format == l.File.Format
}

// FileLink is the link of a disk that is a file of the host; false where it is none.
func (r Record) FileLink(d *Disk) (Link, bool) {
	if d == nil || d.Type != "file" || d.Source.File == "" {
		return Link{}, false
	}
	return Link{
		ID: r.ID, Volume: r.Volume, Name: r.Name, Boot: d.Boot != nil, ReadOnly: d.ReadOnly != nil,
		File: &File{Path: d.Source.File, Format: d.Driver.Format},
	}, true
}

// Is reports whether a disk goes the way of the link, by one of its portals. What a
// machine that reads has open holds the same when its volume stands on another file
// by now, as after a snapshot.
func (l *Link) Is(d *Disk) bool {
	s := &d.Source
	if (d.ReadOnly != nil) != l.ReadOnly || len(s.Hosts) == 0 && l.File == nil {
		return false
	}
	switch {
	case l.File != nil:
		return d.Type == "file" && s.File == l.File.Path && (l.ReadOnly || d.Driver.Format == l.File.Format)
	case l.ISCSI != nil:
		return s.Protocol == "iscsi" && s.Name == l.ISCSI.Target+"/"+strconv.FormatUint(uint64(l.ISCSI.LUN), 10) &&
			s.Initiator.IQN.Name == l.ISCSI.Initiator && d.Auth.User+s.Auth.User == l.ISCSI.User &&
			slices.Contains(l.ISCSI.Portals, Portal{s.Hosts[0].Name, s.Hosts[0].Port})
	case l.NBD != nil:
		return s.Protocol == "nbd" && s.Name == l.NBD.Export && s.Hosts[0].Socket == l.NBD.Socket &&
			(l.NBD.Socket != "" || s.Hosts[0].Name == l.NBD.Host && s.Hosts[0].Port == l.NBD.Port)
	}
	return false
}

// connection is how a disk is reached, without secrets; nil where that cannot be
// told.
func (d *Disk) connection() *pb.Connection {
	c := &pb.Connection{ReadOnly: d.ReadOnly != nil}
	host, port, socket := "", "", ""
	if len(d.Source.Hosts) > 0 {
		host, port, socket = d.Source.Hosts[0].Name, d.Source.Hosts[0].Port, d.Source.Hosts[0].Socket
	}
	switch {
	case d.Type == "file":
		c.Path = &pb.Connection_File{File: &pb.FileConnection{File: d.Source.File, Format: d.Driver.Format}}
	case d.Source.Protocol == "iscsi":
		at := strings.LastIndexByte(d.Source.Name, '/')
		lun, err := strconv.ParseUint(d.Source.Name[at+1:], 10, 32)
		if at < 0 || err != nil {
			return nil
		}
		c.Path = &pb.Connection_Iscsi{Iscsi: &pb.IscsiConnection{
			Portals: []string{net.JoinHostPort(host, port)}, TargetIqn: d.Source.Name[:at], Lun: uint32(lun), InitiatorIqn: d.Source.Initiator.IQN.Name,
		}}
	case d.Source.Protocol == "nbd" && socket != "":
		c.Path = &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbd+unix:///" + d.Source.Name + "?socket=" + socket}}
	case d.Source.Protocol == "nbd":
		c.Path = &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbd://" + net.JoinHostPort(host, port) + "/" + d.Source.Name}}
	default:
		return nil
	}
	return c
}
