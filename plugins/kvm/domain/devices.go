package domain

import (
	"cmp"
	"slices"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// spareSlots are root ports left empty for what is attached later; libvirt
// makes the others for the devices that are there.
const spareSlots = 4

func devices(s Spec) *libvirtxml.DomainDeviceList {
	d := &libvirtxml.DomainDeviceList{
		Emulator:    s.Assignment.Emulator,
		Disks:       disks(s),
		Controllers: controllers(s),
		Channels: []libvirtxml.DomainChannel{{
			Source: &libvirtxml.DomainChardevSource{UNIX: &libvirtxml.DomainChardevSourceUNIX{Mode: "bind"}},
			Target: &libvirtxml.DomainChannelTarget{VirtIO: &libvirtxml.DomainChannelTargetVirtIO{Name: "org.qemu.guest_agent.0"}},
		}},
		MemBalloon: &libvirtxml.DomainMemBalloon{Model: "virtio", Address: fixed(s, slotBalloon)},
		RNGs: []libvirtxml.DomainRNG{{
			Model: "virtio", Address: fixed(s, slotRandom),
			Backend: &libvirtxml.DomainRNGBackend{Random: &libvirtxml.DomainRNGBackendRandom{Device: "/dev/urandom"}},
		}},
	}
	for i, network := range s.Networks {
		d.Interfaces = append(d.Interfaces, libvirtxml.DomainInterface{
			MAC:    &libvirtxml.DomainInterfaceMAC{Address: MAC(s.UUID, i)},
			Source: &libvirtxml.DomainInterfaceSource{Network: &libvirtxml.DomainInterfaceSourceNetwork{Network: network}},
			Model:  &libvirtxml.DomainInterfaceModel{Type: "virtio"},
			ROM:    bootROM(s),
		})
	}
	for _, address := range s.Assignment.PCI {
		d.Hostdevs = append(d.Hostdevs, hostdev(address))
	}
	serial(s, d)
	screen(s, d)
	if s.TPM {
		model := "tpm-crb"
		if !x86(s) {
			model = "tpm-tis"
		}
		d.TPMs = []libvirtxml.DomainTPM{{
			Model:   model,
			Backend: &libvirtxml.DomainTPMBackend{Emulator: &libvirtxml.DomainTPMBackendEmulator{Version: "2.0"}},
		}}
	}
	return d
}

// bootROM takes the boot program of network cards out of their machines: only
// what has a boot order is booted from, which no network card has, and without it
// the firmware need not unpack and start one.
func bootROM(s Spec) *libvirtxml.DomainROM {
	if !x86(s) {
		return nil
	}
	return &libvirtxml.DomainROM{Enabled: "no"}
}

// Slots of the PCI Express root itself. What a machine keeps as long as it lives
// stands there: behind root ports, of which a guest sets up each when it boots, is
// what comes and goes. Slots below are libvirt's for ports and the screen, the last
// ones the chipset's.
const (
	slotDisk, slotSeed                  = 0x10, 0x11
	slotSerial, slotBalloon, slotRandom = 0x12, 0x13, 0x14
)

// fixed is the address of a device that stays; nil where libvirt is to choose.
func fixed(s Spec, slot uint) *libvirtxml.DomainAddress {
	if !keepsRoot(s) {
		return nil
	}
	domain, bus, function := uint(0), uint(0), uint(0)
	return &libvirtxml.DomainAddress{PCI: &libvirtxml.DomainAddressPCI{Domain: &domain, Bus: &bus, Slot: &slot, Function: &function}}
}

// keepsRoot reports whether devices that stay are on the root: not where the
// machine boots from a volume, which its guest is to find before any other disk.
func keepsRoot(s Spec) bool { return x86(s) && pcie(s) && s.Disk != "" }

// disks go through the host's page cache, which many guests of one base image
// share, and which works on every file system; the guest's flushes are kept.
func disks(s Spec) []libvirtxml.DomainDisk {
	var out []libvirtxml.DomainDisk
	if s.Disk != "" {
		out = append(out, libvirtxml.DomainDisk{
			Device: "disk",
			Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: "qcow2", Cache: "writeback", Discard: "unmap"},
			Source: &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: s.Disk}},
			Target: &libvirtxml.DomainDiskTarget{Dev: "vda", Bus: "virtio"},
			Boot:   &libvirtxml.DomainDeviceBoot{Order: 1}, Address: fixed(s, slotDisk),
		})
	}
	if s.Seed != "" {
		out = append(out, libvirtxml.DomainDisk{
			Device:   "disk",
			Driver:   &libvirtxml.DomainDiskDriver{Name: "qemu", Type: "raw"},
			Source:   &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: s.Seed}},
			Target:   &libvirtxml.DomainDiskTarget{Dev: "vdb", Bus: "virtio"},
			ReadOnly: &libvirtxml.DomainDiskReadOnly{}, Address: fixed(s, slotSeed),
		})
	}
	// As libvirt orders them itself, so that the guest finds them in this order.
	out = append(out, s.Volumes...)
	slices.SortStableFunc(out, func(a, b libvirtxml.DomainDisk) int {
		return cmp.Or(cmp.Compare(len(a.Target.Dev), len(b.Target.Dev)), cmp.Compare(a.Target.Dev, b.Target.Dev))
	})
	return out
}

func controllers(s Spec) []libvirtxml.DomainController {
	var out []libvirtxml.DomainController
	if x86(s) {
		// The keyboard is PS/2: no guest pays for a USB bus that it does not use.
		out = append(out, libvirtxml.DomainController{Type: "usb", Model: "none"})
	}
	if keepsRoot(s) {
		index := uint(0)
		out = append(out, libvirtxml.DomainController{Type: "virtio-serial", Index: &index, Address: fixed(s, slotSerial)})
	}
	if pcie(s) {
		index := uint(0)
		out = append(out, libvirtxml.DomainController{Type: "pci", Index: &index, Model: "pcie-root"})
		for range ports(s) {
			out = append(out, libvirtxml.DomainController{Type: "pci", Model: "pcie-root-port"})
		}
	}
	return out
}

// ports is how many root ports the devices take, and the spare ones.
func ports(s Spec) int {
	if keepsRoot(s) {
		return spareSlots + len(s.Volumes) + len(s.Networks) + len(s.Assignment.PCI)
	}
	n := spareSlots + len(disks(s)) + len(s.Networks) + len(s.Assignment.PCI)
	n += 3 // virtio-serial, rng, balloon
	if !x86(s) {
		n += 2 // USB and video, which on x86 sit on the root bus or are absent
	}
	return n
}

// pcie reports whether the machine type has a PCI Express root.
func pcie(s Spec) bool {
	m := s.Assignment.Machine
	return m == "q35" || strings.Contains(m, "-q35-") || m == "virt" || strings.HasPrefix(m, "virt-")
}

func hostdev(a inventory.Address) libvirtxml.DomainHostdev {
	domain, bus, slot, function := uint(a.Domain), uint(a.Bus), uint(a.Slot), uint(a.Function)
	return libvirtxml.DomainHostdev{
		Managed: "yes",
		SubsysPCI: &libvirtxml.DomainHostdevSubsysPCI{Source: &libvirtxml.DomainHostdevSubsysPCISource{
			Address: &libvirtxml.DomainAddressPCI{Domain: &domain, Bus: &bus, Slot: &slot, Function: &function},
		}},
	}
}

func serial(s Spec, d *libvirtxml.DomainDeviceList) {
	pty := &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}}
	var log *libvirtxml.DomainChardevLog
	if s.ConsoleLog != "" {
		log = &libvirtxml.DomainChardevLog{File: s.ConsoleLog, Append: "on"}
	}
	if s.Assignment.Arch == "s390x" {
		d.Consoles = []libvirtxml.DomainConsole{{Source: pty, Log: log, Target: &libvirtxml.DomainConsoleTarget{Type: "sclp"}}}
		return
	}
	port := uint(0)
	d.Serials = []libvirtxml.DomainSerial{{Source: pty, Log: log, Target: &libvirtxml.DomainSerialTarget{Port: &port}}}
}

func screen(s Spec, d *libvirtxml.DomainDeviceList) {
	if s.Assignment.Arch == "s390x" {
		return
	}
	listen := s.VNC.Listen
	if listen == "" {
		listen = "127.0.0.1"
	}
	d.Graphics = []libvirtxml.DomainGraphic{{VNC: &libvirtxml.DomainGraphicVNC{
		AutoPort: "yes", Passwd: s.VNC.Password,
		Listeners: []libvirtxml.DomainGraphicListener{{Address: &libvirtxml.DomainGraphicListenerAddress{Address: listen}}},
	}}}
	model := "vga"
	if !x86(s) {
		model = "virtio"
		d.Inputs = []libvirtxml.DomainInput{{Type: "keyboard", Bus: "usb"}, {Type: "tablet", Bus: "usb"}}
	}
	d.Videos = []libvirtxml.DomainVideo{{Model: libvirtxml.DomainVideoModel{Type: model, Heads: 1, Primary: "yes"}}}
}
