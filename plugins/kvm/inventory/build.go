package inventory

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"libvirt.org/go/libvirtxml"
)

// maxXMLBytes bounds one document; libvirt itself stops at 4 MiB a string.
const maxXMLBytes = 8 << 20

// Build reads a Source. It fails only where nothing at all is known about the
// host's processor, that is without readable capabilities; any other fault is
// one of the host's Warnings.
func Build(src Source) (*Host, error) {
	hw, err := ReadHardware(src)
	if err != nil {
		return nil, err
	}
	return hw.Host(src), nil
}

// Hardware is what of a host does not change while its libvirtd runs, read once.
// It is immutable and may be shared.
type Hardware struct {
	host Host
}

// ReadHardware reads the part of a Source that does not change: all but its
// domains, pools, networks and memory. It fails as Build does.
func ReadHardware(src Source) (*Hardware, error) {
	b := builder{src: &src, host: &Host{Name: src.Name}}
	if err := read(src.Capabilities, &b.caps); err != nil {
		return nil, fmt.Errorf("capabilities of host %.64q: %w", src.Name, err)
	}
	b.domcaps = b.readDomainCapabilities()
	b.cores()
	b.accelerator()
	b.archs()
	b.flags()
	b.sysinfo()
	b.ecc()
	b.devices()
	return &Hardware{host: *b.host}, nil
}

// UUID is the host's own, as its libvirt reports it; empty if unknown.
func (hw *Hardware) UUID() string { return hw.host.UUID }

// Host is the host with the domains, pools, networks and memory of a Source;
// nothing else of it is looked at.
func (hw *Hardware) Host(src Source) *Host {
	h := hw.host
	h.PCI, h.Warnings = slices.Clone(h.PCI), slices.Clone(h.Warnings)
	b := builder{src: &src, host: &h}
	b.memory()
	b.guests()
	b.holders()
	b.pools()
	b.networks()
	return &h
}

// builder holds what the steps of both share. Each step reads the source and the
// documents and writes its own part of the host.
type builder struct {
	src     *Source
	host    *Host
	caps    libvirtxml.Caps
	domcaps []libvirtxml.DomainCaps
}

func (b *builder) warn(format string, args ...any) {
	b.host.Warnings = append(b.host.Warnings, fmt.Sprintf(format, args...))
}

func (b *builder) readDomainCapabilities() []libvirtxml.DomainCaps {
	var all []libvirtxml.DomainCaps
	for i, text := range b.src.DomainCapabilities {
		var d libvirtxml.DomainCaps
		if err := read(text, &d); err != nil {
			b.warn("domain capabilities %d: %v", i+1, err)
			continue
		}
		all = append(all, d)
	}
	return all
}

// domainCapabilities finds the document of an architecture for the accelerator.
func (b *builder) domainCapabilities(arch string, kind AcceleratorKind) (*libvirtxml.DomainCaps, bool) {
	i := slices.IndexFunc(b.domcaps, func(d libvirtxml.DomainCaps) bool {
		return d.Arch == arch && d.Domain == kind.VirtType()
	})
	if i < 0 {
		return nil, false
	}
	return &b.domcaps[i], true
}

func (b *builder) memory() {
	h := b.host
	h.MemoryTotalMiB, h.MemoryFreeMiB = b.src.MemoryTotalMiB, b.src.MemoryFreeMiB
	if h.MemoryTotalMiB > 0 {
		return
	}
	for _, c := range h.NUMA {
		h.MemoryTotalMiB += c.MemoryMiB
	}
	if h.MemoryTotalMiB == 0 {
		b.warn("nothing says how much memory the host has")
	}
}

// read decodes one document. encoding/xml expands no entities of the document's
// own and bounds its depth, so that its size is all that is left to bound.
func read(text string, into any) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("no XML")
	case len(text) > maxXMLBytes:
		return fmt.Errorf("%d bytes of XML: more than %d is not read", len(text), maxXMLBytes)
	}
	if err := xml.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("read XML: %w", err)
	}
	return nil
}
