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
	b.memory()
	b.guests()
	b.devices()
	b.pools()
	b.networks()
	return b.host, nil
}

// builder holds what the steps of Build share. Each step reads the source and
// the documents and writes its own part of the host.
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
