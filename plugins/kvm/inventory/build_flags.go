package inventory

import (
	"libvirt.org/go/libvirtxml"
)

// flags collects what a guest can be given: best from the expanded guest CPU,
// which is complete; else from what the other documents list, which is not.
func (b *builder) flags() {
	h := b.host
	h.Flags = FlagSet{}
	for _, g := range b.src.GuestCPUs {
		if g.Arch != h.Arch || g.VirtType != h.Accelerator.Kind.VirtType() {
			continue
		}
		set, err := readCPU(g.XML)
		if err != nil {
			b.warn("expanded %s CPU of guests: %v", g.VirtType, err)
			continue
		}
		h.Flags, h.FlagsComplete = set, true
		return
	}
	if h.Accelerator.Kind == KVM && b.caps.Host.CPU != nil {
		for _, f := range b.caps.Host.CPU.FeatureFlags {
			h.Flags.add(f.Name)
		}
		// Outside x86 libvirt lists every feature there, and has no expanded CPU.
		h.FlagsComplete = !b.x86() && len(h.Flags) > 0
	}
	if dc, ok := b.domainCapabilities(h.Arch, h.Accelerator.Kind); ok && dc.CPU != nil {
		for _, mode := range dc.CPU.Modes {
			if mode.Name == "host-model" && mode.Supported == "yes" {
				b.hostModel(mode)
			}
		}
	}
}

func (b *builder) hostModel(mode libvirtxml.DomainCapsCPUMode) {
	for _, f := range mode.Features {
		switch f.Policy {
		case "require", "force":
			b.host.Flags.add(f.Name)
		case "disable", "forbid":
			delete(b.host.Flags, KernelFlag(f.Name))
		}
	}
}

// readCPU reads the features of a guest <cpu> in which all are named.
func readCPU(text string) (FlagSet, error) {
	var cpu libvirtxml.DomainCPU
	if err := read(text, &cpu); err != nil {
		return nil, err
	}
	set := FlagSet{}
	for _, f := range cpu.Features {
		if f.Policy != "disable" && f.Policy != "forbid" {
			set.add(f.Name)
		}
	}
	return set, nil
}
