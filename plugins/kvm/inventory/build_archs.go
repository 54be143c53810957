package inventory

import (
	"cmp"
	"slices"

	"libvirt.org/go/libvirtxml"
)

// archs lists what guests can be: the host's own architecture and its 32-bit
// sibling. Emulating a foreign one is possible and never what anybody means by
// a price per core.
func (b *builder) archs() {
	h := b.host
	for _, name := range []string{h.Arch, map[string]string{"x86_64": "i686", "aarch64": "armv7l"}[h.Arch]} {
		for _, g := range b.caps.Guests {
			if name == "" || g.Arch.Name != name || g.OSType != "hvm" {
				continue
			}
			i := slices.IndexFunc(g.Arch.Domains, func(d libvirtxml.CapsGuestDomain) bool {
				return d.Type == h.Accelerator.Kind.VirtType()
			})
			if i >= 0 {
				h.Archs = append(h.Archs, b.guestArch(g.Arch, g.Arch.Domains[i]))
				break
			}
		}
	}
}

func (b *builder) guestArch(arch libvirtxml.CapsGuestArch, domain libvirtxml.CapsGuestDomain) GuestArch {
	out := GuestArch{Name: arch.Name, Emulator: cmp.Or(domain.Emulator, arch.Emulator)}
	machines := append(slices.Clone(arch.Machines), domain.Machines...)
	for _, m := range machines {
		out.Machines = append(out.Machines, m.Name)
	}
	slices.Sort(out.Machines)
	out.Machines = slices.Compact(out.Machines)
	dc, known := b.domainCapabilities(arch.Name, b.host.Accelerator.Kind)
	if known {
		out.Machine, out.MaxVCPUs = dc.Machine, vcpuMax(dc)
		out.EFI = enumHas(osEnums(dc), "firmware", "efi")
		out.TPM = tpm(dc)
	}
	if best := bestMachine(arch.Name); slices.Contains(out.Machines, best) {
		out.Machine = best
	}
	for _, m := range machines {
		if m.Name == out.Machine && m.MaxCPUs > 0 {
			out.MaxVCPUs = m.MaxCPUs
		}
	}
	return out
}

// bestMachine is the type with PCI Express where there is a choice.
func bestMachine(arch string) string {
	switch arch {
	case "x86_64", "i686":
		return "q35"
	case "aarch64", "armv7l", "riscv64":
		return "virt"
	case "ppc64", "ppc64le":
		return "pseries"
	case "s390x":
		return "s390-ccw-virtio"
	default:
		return ""
	}
}

func vcpuMax(dc *libvirtxml.DomainCaps) int {
	if dc.VCPU == nil {
		return 0
	}
	return int(min(dc.VCPU.Max, maxCPU))
}

func osEnums(dc *libvirtxml.DomainCaps) []libvirtxml.DomainCapsEnum {
	if dc.OS == nil {
		return nil
	}
	return dc.OS.Enums
}

func tpm(dc *libvirtxml.DomainCaps) Tristate {
	if dc.Devices == nil || dc.Devices.TPM == nil {
		return Unknown
	}
	if dc.Devices.TPM.Supported != "yes" {
		return No
	}
	return enumHas(dc.Devices.TPM.Enums, "backendModel", "emulator")
}

// enumHas looks for a value of a named enumeration; one that is not there says
// nothing.
func enumHas(enums []libvirtxml.DomainCapsEnum, name, value string) Tristate {
	for _, e := range enums {
		if e.Name == name {
			if slices.Contains(e.Values, value) {
				return Yes
			}
			return No
		}
	}
	return Unknown
}
