// Package domain turns where a machine fits into the domain that libvirt is
// asked to define. It is pure.
package domain

import (
	"crypto/sha256"
	"fmt"

	"libvirt.org/go/libvirtxml"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// Spec is everything that a domain is made of.
type Spec struct {
	UUID, Name, Description string
	// Metadata are XML elements, each with its own namespace.
	Metadata string
	// Accelerator is KVM or TCG.
	Accelerator inventory.AcceleratorKind
	Assignment  fit.Assignment
	EFI, TPM    bool
	// Disk is the path of the boot disk, a qcow2; Seed that of the NoCloud
	// volume, raw and read only. Empty: none; without a Disk the machine boots from
	// one of Volumes.
	Disk, Seed string
	// Volumes are disks that were not made for the machine.
	Volumes []libvirtxml.DomainDisk
	// Networks are libvirt networks, an interface each.
	Networks []string
	VNC      VNC
	// ConsoleLog is a path on the host; empty: no log.
	ConsoleLog string
}

// VNC is where the graphical console listens.
type VNC struct {
	// Listen is an address of the host; empty is 127.0.0.1.
	Listen string
	// Password has at most eight bytes, all that the protocol looks at.
	// Libvirt shows it to nobody who does not ask for security info. Empty:
	// none is asked for.
	Password string
}

// MAC is the address of a machine's n-th interface. It follows from the UUID, so
// that a machine that is defined again keeps its lease.
func MAC(uuid string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", uuid, n))
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", sum[0], sum[1], sum[2])
}
