package inventory

import (
	"cmp"
	"slices"
	"strings"

	"libvirt.org/go/libvirtxml"
)

// accelerator decides how guests run. libvirt offers the domain type kvm
// wherever /dev/kvm opens, also where the kernel behind it runs no ordinary
// guest; so on x86 the processor's own word is asked for as well.
func (b *builder) accelerator() {
	a := &b.host.Accelerator
	offered := b.offers("kvm")
	switch setting := cmp.Or(b.src.Accelerator, AcceleratorAuto); {
	case b.offers("test"):
		*a = Accelerator{TestDriver, "libvirt's test driver: nothing runs"}
	case setting == AcceleratorTCG && b.offers("qemu"):
		*a = Accelerator{TCG, "configured"}
	case setting == AcceleratorTCG:
		*a = Accelerator{NoAccelerator, "libvirt offers no emulation of " + b.archText()}
	case !offered:
		*a = Accelerator{NoAccelerator, "libvirt offers no kvm for " + b.archText() + ": /dev/kvm is missing, or closed to it, or the module is not loaded"}
	case setting == AcceleratorKVM:
		*a = Accelerator{KVM, "configured"}
	case setting != AcceleratorAuto:
		*a = Accelerator{NoAccelerator, "setting " + string(setting) + " is not auto, kvm or tcg"}
	case !b.x86():
		*a = Accelerator{KVM, "libvirt offers it"}
	default:
		if feature := b.virtualisation(); feature != "" {
			*a = Accelerator{KVM, "the processor has " + feature}
			return
		}
		*a = Accelerator{NoAccelerator, "the processor says neither vmx nor svm, so that the kvm that libvirt offers would not boot an ordinary system; accelerator=tcg emulates"}
	}
}

func (b *builder) archText() string { return cmp.Or(b.host.Arch, "an unknown processor") }

func (b *builder) x86() bool { return b.host.Arch == "x86_64" || b.host.Arch == "i686" }

// offers reports whether guests of the host's own architecture can have a
// domain type, by its capabilities and, where a document says more, by its
// domain capabilities.
func (b *builder) offers(virtType string) bool {
	for _, g := range b.caps.Guests {
		if g.Arch.Name == b.host.Arch && hasDomain(g.Arch, virtType) {
			return true
		}
	}
	return slices.ContainsFunc(b.domcaps, func(d libvirtxml.DomainCaps) bool {
		return d.Arch == b.host.Arch && d.Domain == virtType
	})
}

func hasDomain(arch libvirtxml.CapsGuestArch, virtType string) bool {
	return slices.ContainsFunc(arch.Domains, func(d libvirtxml.CapsGuestDomain) bool { return d.Type == virtType })
}

// virtualisation is vmx or svm, where the processor says it has one.
func (b *builder) virtualisation() string {
	cpu := b.caps.Host.CPU
	if cpu == nil {
		return ""
	}
	for _, f := range cpu.FeatureFlags {
		if f.Name == "vmx" || f.Name == "svm" {
			return f.Name
		}
	}
	if cpu.Features != nil && cpu.Features.VMX != nil {
		return "vmx"
	}
	if cpu.Features != nil && cpu.Features.SVM != nil {
		return "svm"
	}
	if b.src.HostCPU != "" {
		expanded, err := readCPU(b.src.HostCPU)
		if err == nil {
			return hasEither(expanded, "vmx", "svm")
		}
		b.warn("expanded processor: %v", err)
	}
	// In these models of libvirt's svm is part of the model and not listed. A
	// processor without it is given another model.
	for _, model := range []string{"EPYC", "Opteron_G2", "Opteron_G3", "Opteron_G4", "Opteron_G5", "Dhyana", "phenom"} {
		if cpu.Model == model || strings.HasPrefix(cpu.Model, model+"-") {
			return "svm"
		}
	}
	return ""
}

func hasEither(set FlagSet, names ...string) string {
	for _, n := range names {
		if set.Has(n) {
			return n
		}
	}
	return ""
}
