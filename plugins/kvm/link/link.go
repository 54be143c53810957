// Package link is the way from a machine to a volume that was not made for it:
// what the contract says of it, the disk that libvirt is asked for, the record
// that stands on the domain, and what goes wrong with it. It is pure.
package link

import "github.com/mesoncloud/meson/sdk"

// Kind is a way to a volume.
type Kind string

// The ways that a machine can go.
const (
	KindFile  Kind = "file"
	KindISCSI Kind = "iscsi"
	KindNBD   Kind = "nbd"
	KindNFS   Kind = "nfs"
)

// Link is an attachment that has been understood. One of File, ISCSI, NBD and NFS
// is set.
type Link struct {
	// ID is the attachment's; it is the serial of the disk.
	ID string
	// Volume and Name are the volume's id and its name for people.
	Volume, Name string
	// Boot is true for the disk that the machine boots from.
	Boot, ReadOnly bool
	File           *File
	ISCSI          *ISCSI
	NBD            *NBD
	NFS            *NFS
}

// File is a file of the machine's host, which QEMU opens and locks itself.
type File struct {
	Path string
	// Format is raw or qcow2, as recorded with the volume and never probed.
	Format string
	// Below are the files that it stands on, the nearest first. The machine gets
	// these, whatever the files themselves say.
	Below []Layer
}

// Layer is a file that another one stands on.
type Layer struct{ Path, Format string }

// ISCSI is a logical unit of a target.
type ISCSI struct {
	// Portals are tried in their order.
	Portals []Portal
	Target  string
	LUN     uint32
	// Initiator is the name that QEMU gives; empty: one of its own.
	Initiator string
	// User is empty where the target asks for no password.
	User     string
	Password sdk.Secret
}

// Portal is where a target listens.
type Portal struct{ Host, Port string }

// NBD is an export of a server: on Host and Port, or on a unix Socket of the
// machine's host.
type NBD struct{ Host, Port, Socket, Export string }

// NFS is a directory that the guest mounts at /mnt and the volume's name.
type NFS struct{ Host, Port, Export, Version string }

// Kind is the way that the link goes.
func (l *Link) Kind() Kind {
	switch {
	case l.File != nil:
		return KindFile
	case l.ISCSI != nil:
		return KindISCSI
	case l.NBD != nil:
		return KindNBD
	}
	return KindNFS
}

// IsDisk reports whether the machine gets a disk, rather than being told to mount.
func (l *Link) IsDisk() bool { return l.NFS == nil }

// Path is the file that the machine opens, empty where it opens none.
func (l *Link) Path() string {
	if l.File == nil {
		return ""
	}
	return l.File.Path
}

// Ways is how many tries there are: the portals of a target.
func (l *Link) Ways() int {
	if l.ISCSI != nil {
		return len(l.ISCSI.Portals)
	}
	return 1
}
