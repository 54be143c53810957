package inventory

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxVCPUs bounds what is believed of one domain; QEMU itself stops at 4096.
const maxVCPUs = 4096

// domainXML is the little of a domain that says what it holds. Numbers are read
// as text, so that one odd value costs only itself.
type domainXML struct {
	XMLName    xml.Name    `xml:"domain"`
	UUID       string      `xml:"uuid"`
	Name       string      `xml:"name"`
	Memory     sizeXML     `xml:"memory"`
	VCPU       vcpuXML     `xml:"vcpu"`
	Pins       []pinXML    `xml:"cputune>vcpupin"`
	Hostdevs   []deviceXML `xml:"devices>hostdev"`
	Interfaces []deviceXML `xml:"devices>interface"`
	Disks      []deviceXML `xml:"devices>disk"`
	Metadata   struct {
		Inner string `xml:",innerxml"`
	} `xml:"metadata"`
}

type sizeXML struct {
	Unit  string `xml:"unit,attr"`
	Value string `xml:",chardata"`
}

type vcpuXML struct {
	CPUSet string `xml:"cpuset,attr"`
	Value  string `xml:",chardata"`
}

type pinXML struct {
	VCPU   string `xml:"vcpu,attr"`
	CPUSet string `xml:"cpuset,attr"`
}

// deviceXML is a hostdev, an interface of type hostdev or a disk of type nvme:
// the three that take a PCI device from the host.
type deviceXML struct {
	Type   string `xml:"type,attr"`
	Source struct {
		Address *addressXML `xml:"address"`
	} `xml:"source"`
}

type addressXML struct {
	Type     string `xml:"type,attr"`
	Domain   string `xml:"domain,attr"`
	Bus      string `xml:"bus,attr"`
	Slot     string `xml:"slot,attr"`
	Function string `xml:"function,attr"`
}

func (b *builder) guests() {
	b.src.Readings.begin()
	for _, d := range b.src.Domains {
		r := b.src.Readings.of(d, readGuest)
		b.host.Guests = append(b.host.Guests, r.guest)
		b.host.Warnings = append(b.host.Warnings, r.warnings...)
	}
	slices.SortStableFunc(b.host.Guests, func(x, y Guest) int {
		return cmp.Or(cmp.Compare(x.UUID, y.UUID), cmp.Compare(x.Name, y.Name))
	})
}

// readGuest reads a domain, by itself: nothing else of its host matters to it.
func readGuest(src DomainSource) reading {
	b := builder{host: &Host{}}
	g := b.guest(src)
	return reading{guest: g, warnings: b.host.Warnings}
}

func (b *builder) guest(src DomainSource) Guest {
	g := Guest{UUID: src.UUID, Name: src.Name, Active: src.Active}
	var d domainXML
	if err := read(src.XML, &d); err != nil {
		g.Damaged = true
		b.warn("domain %s: %v", label(g), err)
		return g
	}
	g.UUID, g.Name = cmp.Or(g.UUID, strings.TrimSpace(d.UUID)), cmp.Or(g.Name, strings.TrimSpace(d.Name))
	b.size(&g, &d)
	b.pins(&g, &d)
	b.hostdevs(&g, &d)
	b.claim(&g, &d, src.InactiveXML)
	return g
}

func (b *builder) size(g *Guest, d *domainXML) {
	mib, err := d.Memory.mebibytes()
	if err != nil {
		g.Damaged = true
		b.warn("domain %s: memory: %v", label(*g), err)
	}
	g.MemoryMiB = mib
	n, err := strconv.ParseUint(strings.TrimSpace(cmp.Or(d.VCPU.Value, "1")), 10, 16)
	if err != nil || n < 1 || n > maxVCPUs {
		g.Damaged = true
		b.warn("domain %s: %.20q vCPUs", label(*g), d.VCPU.Value)
		n = 1
	}
	g.VCPUs = int(n)
}

func (s sizeXML) mebibytes() (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s.Value), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.20q is not a number", s.Value)
	}
	return mebibytes(n, s.Unit)
}

func (b *builder) pins(g *Guest, d *domainXML) {
	g.Pins = make([][]int, g.VCPUs)
	if d.VCPU.CPUSet != "" {
		set, err := ParseCPUSet(d.VCPU.CPUSet)
		if err != nil {
			b.warn("domain %s: %v", label(*g), err)
		}
		for i := range g.Pins {
			g.Pins[i] = set
		}
	}
	for _, p := range d.Pins {
		i, err := strconv.ParseUint(p.VCPU, 10, 16)
		if err != nil || int(i) >= g.VCPUs {
			continue
		}
		set, err := ParseCPUSet(p.CPUSet)
		if err != nil {
			b.warn("domain %s: vCPU %d: %v", label(*g), i, err)
			continue
		}
		g.Pins[i] = set
	}
}

func (b *builder) hostdevs(g *Guest, d *domainXML) {
	for _, dev := range slices.Concat(d.Hostdevs, d.Interfaces, d.Disks) {
		a := dev.Source.Address
		pci := dev.Type == "pci" || dev.Type == "nvme" || (dev.Type == "hostdev" && a != nil && cmp.Or(a.Type, "pci") == "pci")
		if !pci {
			continue
		}
		address, err := a.pci()
		if err != nil {
			g.Damaged = true
			b.warn("domain %s: passed device: %v", label(*g), err)
			continue
		}
		g.PCI = append(g.PCI, address)
	}
	slices.SortFunc(g.PCI, Address.Compare)
}

func (a *addressXML) pci() (Address, error) {
	if a == nil {
		return Address{}, fmt.Errorf("no address")
	}
	var out Address
	for _, f := range []struct {
		text string
		into *uint32
		bits int
	}{{a.Domain, &out.Domain, 32}, {a.Bus, &out.Bus, 8}, {a.Slot, &out.Slot, 5}, {a.Function, &out.Function, 3}} {
		n, err := strconv.ParseUint(cmp.Or(f.text, "0"), 0, f.bits)
		if err != nil {
			return Address{}, fmt.Errorf("%.20q is no part of a PCI address", f.text)
		}
		*f.into = uint32(n)
	}
	return out, nil
}

func (b *builder) claim(g *Guest, d *domainXML, inactive string) {
	claim, err := ParseClaim(d.Metadata.Inner)
	if claim == nil && err == nil && inactive != "" {
		var persistent domainXML
		if read(inactive, &persistent) == nil {
			claim, err = ParseClaim(persistent.Metadata.Inner)
		}
	}
	if err != nil {
		g.Damaged = true
		b.warn("domain %s: %v", label(*g), err)
		return
	}
	g.Claim = claim
}

func label(g Guest) string { return fmt.Sprintf("%.64q", cmp.Or(g.Name, g.UUID)) }
