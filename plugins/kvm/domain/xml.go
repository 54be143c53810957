package domain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// tbCacheMiB bounds the translation cache of an emulated guest; QEMU's own
// default takes a gigabyte for itself.
const tbCacheMiB = 64

// XML is the domain's definition. It is an error where the accelerator is none
// or no thread is assigned.
func XML(s Spec) (string, error) {
	a := s.Assignment
	if s.Accelerator.VirtType() == "" {
		return "", fmt.Errorf("domain %s: no accelerator", s.Name)
	}
	if a.VCPUs() == 0 {
		return "", fmt.Errorf("domain %s: no threads assigned", s.Name)
	}
	d := libvirtxml.Domain{
		Type:        s.Accelerator.VirtType(),
		Name:        s.Name,
		UUID:        s.UUID,
		Description: s.Description,
		Memory:      &libvirtxml.DomainMemory{Value: uint(a.MemoryMiB), Unit: "MiB"},
		VCPU:        &libvirtxml.DomainVCPU{Placement: "static", Value: uint(a.VCPUs())},
		CPUTune:     pins(a.Threads),
		OS:          boot(s),
		Features:    features(s),
		CPU:         cpu(s),
		Clock:       clock(s),
		OnPoweroff:  "destroy",
		OnReboot:    "restart",
		OnCrash:     "destroy",
		Devices:     devices(s),
	}
	if s.Metadata != "" {
		d.Metadata = &libvirtxml.DomainMetadata{XML: s.Metadata}
	}
	if a.NUMANode >= 0 {
		d.NUMATune = &libvirtxml.DomainNUMATune{Memory: &libvirtxml.DomainNUMATuneMemory{
			Mode: "strict", Nodeset: strconv.Itoa(a.NUMANode),
		}}
	}
	xml, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("domain %s: %w", s.Name, err)
	}
	return xml, nil
}

// pins holds each vCPU to its thread, and QEMU's other threads to all of them:
// the machine uses nothing that it is not charged for.
func pins(threads []int) *libvirtxml.DomainCPUTune {
	tune := &libvirtxml.DomainCPUTune{}
	for vcpu, thread := range threads {
		tune.VCPUPin = append(tune.VCPUPin, libvirtxml.DomainCPUTuneVCPUPin{VCPU: uint(vcpu), CPUSet: strconv.Itoa(thread)})
	}
	tune.EmulatorPin = &libvirtxml.DomainCPUTuneEmulatorPin{CPUSet: set(threads)}
	return tune
}

// set is a list of threads as libvirt reads it.
func set(threads []int) string {
	all := slices.Compact(slices.Sorted(slices.Values(threads)))
	words := make([]string, len(all))
	for i, t := range all {
		words[i] = strconv.Itoa(t)
	}
	return strings.Join(words, ",")
}

func boot(s Spec) *libvirtxml.DomainOS {
	os := &libvirtxml.DomainOS{
		Type: &libvirtxml.DomainOSType{Arch: s.Assignment.Arch, Machine: s.Assignment.Machine, Type: "hvm"},
	}
	if s.EFI {
		os.Firmware = "efi"
		// Without this libvirt may choose a firmware with keys enrolled, under
		// which an unsigned kernel does not boot.
		if x86(s) {
			os.FirmwareInfo = &libvirtxml.DomainOSFirmwareInfo{Features: []libvirtxml.DomainOSFirmwareFeature{
				{Enabled: "no", Name: "enrolled-keys"}, {Enabled: "no", Name: "secure-boot"},
			}}
		}
	}
	return os
}

func features(s Spec) *libvirtxml.DomainFeatureList {
	f := &libvirtxml.DomainFeatureList{}
	if x86(s) || s.EFI {
		f.ACPI = &libvirtxml.DomainFeature{}
	}
	if x86(s) {
		f.APIC = &libvirtxml.DomainFeatureAPIC{}
	}
	if s.Accelerator == inventory.TCG {
		f.TCG = &libvirtxml.DomainFeatureTCG{TBCache: &libvirtxml.DomainFeatureTCGTBCache{Unit: "MiB", Size: tbCacheMiB}}
	}
	return f
}

// cpu gives the guest the asked features by name, so that a host which lacks
// one refuses to start it. On x86 with KVM the model is the host's, without what
// QEMU cannot give; other architectures have no model to name and pass the
// host's through.
func cpu(s Spec) *libvirtxml.DomainCPU {
	c := &libvirtxml.DomainCPU{}
	switch {
	case s.Accelerator == inventory.TCG:
		c.Mode = "maximum"
	case x86(s):
		c.Mode, c.Check = "host-model", "partial"
	default:
		c.Mode, c.Check = "host-passthrough", "none"
	}
	if n := s.Assignment.ThreadsPerCore(); n > 1 {
		c.Topology = &libvirtxml.DomainCPUTopology{Sockets: 1, Dies: 1, Cores: s.Assignment.VCPUs() / n, Threads: n}
	}
	if !x86(s) {
		return c
	}
	for _, flag := range s.Assignment.CPUFlags {
		c.Features = append(c.Features, libvirtxml.DomainCPUFeature{Policy: "require", Name: flag})
	}
	return c
}

func clock(s Spec) *libvirtxml.DomainClock {
	c := &libvirtxml.DomainClock{Offset: "utc"}
	if x86(s) {
		c.Timer = []libvirtxml.DomainTimer{
			{Name: "rtc", TickPolicy: "catchup"}, {Name: "pit", TickPolicy: "delay"}, {Name: "hpet", Present: "no"},
		}
	}
	return c
}

func x86(s Spec) bool { return s.Assignment.Arch == "x86_64" || s.Assignment.Arch == "i686" }
