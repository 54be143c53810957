package inventory

import (
	"cmp"
	"slices"
	"strings"

	"libvirt.org/go/libvirtxml"
)

func (b *builder) devices() {
	for i, text := range b.src.NodeDevices {
		var n libvirtxml.NodeDevice
		if err := read(text, &n); err != nil {
			b.warn("node device %d: %v", i+1, err)
			continue
		}
		pci := n.Capability.PCI
		if pci == nil {
			continue
		}
		d, ok := device(pci)
		if !ok {
			b.warn("node device %.64q: no PCI address, vendor or product", n.Name)
			continue
		}
		if n.Driver != nil {
			d.Driver = n.Driver.Name
		}
		b.host.PCI = append(b.host.PCI, d)
	}
	slices.SortStableFunc(b.host.PCI, func(x, y Device) int { return x.Address.Compare(y.Address) })
	b.host.PCI = slices.CompactFunc(b.host.PCI, func(x, y Device) bool { return x.Address == y.Address })
}

// holders says which devices guests have.
func (b *builder) holders() {
	held := map[Address]string{}
	for _, g := range b.host.Guests {
		for _, a := range g.PCI {
			// A running domain has it; of others the first by UUID is named.
			if _, taken := held[a]; !taken || g.Active {
				held[a] = g.UUID
			}
		}
	}
	for i := range b.host.PCI {
		d := &b.host.PCI[i]
		d.HeldBy = held[d.Address]
	}
}

func device(pci *libvirtxml.NodeDevicePCICapability) (Device, bool) {
	d := Device{
		Vendor: hex4(pci.Vendor.ID), Model: hex4(pci.Product.ID),
		Name:       strings.TrimSpace(strings.TrimSpace(pci.Vendor.Name) + " " + strings.TrimSpace(pci.Product.Name)),
		Class:      strings.TrimPrefix(strings.ToLower(strings.TrimSpace(pci.Class)), "0x"),
		IOMMUGroup: -1, NUMANode: -1,
	}
	if pci.IOMMUGroup != nil {
		d.IOMMUGroup = pci.IOMMUGroup.Number
	}
	if pci.NUMA != nil {
		d.NUMANode = pci.NUMA.Node
	}
	// Older libvirt says nothing about class, but does about bridges.
	for _, c := range pci.Capabilities {
		if c.Bridge != nil && d.Class == "" {
			d.Class = "060400"
		}
	}
	if pci.Bus == nil || pci.Slot == nil || pci.Function == nil || d.Vendor == "" || d.Model == "" {
		return Device{}, false
	}
	d.Address = Address{Bus: uint32(*pci.Bus), Slot: uint32(*pci.Slot), Function: uint32(*pci.Function)}
	if pci.Domain != nil {
		d.Address.Domain = uint32(*pci.Domain)
	}
	return d, true
}

// hex4 is an id without 0x, lower case, or nothing where it is not one.
func hex4(s string) string {
	s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "0x")
	if len(s) != 4 || strings.Trim(s, "0123456789abcdef") != "" {
		return ""
	}
	return s
}

func (b *builder) pools() {
	for _, src := range b.src.Pools {
		p := Pool{Name: src.Name, Active: src.Active}
		var x libvirtxml.StoragePool
		if err := read(src.XML, &x); err != nil {
			b.warn("pool %.64q: %v", src.Name, err)
			b.host.Pools = append(b.host.Pools, p)
			continue
		}
		p.Name, p.Type = cmp.Or(p.Name, x.Name), x.Type
		if x.Target != nil {
			p.Path = x.Target.Path
		}
		p.CapacityMiB, p.FreeMiB = b.poolSize(p.Name, x.Capacity), b.poolSize(p.Name, x.Available)
		for _, text := range src.Volumes {
			if v, ok := b.volume(p.Name, text); ok {
				p.Volumes = append(p.Volumes, v)
			}
		}
		b.host.Pools = append(b.host.Pools, p)
	}
	slices.SortStableFunc(b.host.Pools, func(x, y Pool) int { return cmp.Compare(x.Name, y.Name) })
}

func (b *builder) poolSize(pool string, size *libvirtxml.StoragePoolSize) uint64 {
	if size == nil {
		return 0
	}
	mib, err := mebibytes(size.Value, cmp.Or(size.Unit, "bytes"))
	if err != nil {
		b.warn("pool %.64q: %v", pool, err)
	}
	return mib
}

func (b *builder) volume(pool, text string) (Volume, bool) {
	var x libvirtxml.StorageVolume
	if err := read(text, &x); err != nil {
		b.warn("volume in pool %.64q: %v", pool, err)
		return Volume{}, false
	}
	v := Volume{Name: x.Name}
	for _, s := range []struct {
		size *libvirtxml.StorageVolumeSize
		into *uint64
	}{{x.Capacity, &v.CapacityMiB}, {x.Allocation, &v.AllocationMiB}} {
		if s.size == nil {
			continue
		}
		mib, err := mebibytes(s.size.Value, cmp.Or(s.size.Unit, "bytes"))
		if err != nil {
			b.warn("volume %.64q in pool %.64q: %v", x.Name, pool, err)
		}
		*s.into = mib
	}
	return v, true
}

func (b *builder) networks() {
	for _, src := range b.src.Networks {
		n := Network{Name: src.Name, Active: src.Active}
		var x libvirtxml.Network
		if err := read(src.XML, &x); err != nil {
			b.warn("network %.64q: %v", src.Name, err)
		}
		n.Name = cmp.Or(n.Name, x.Name)
		if x.Forward != nil {
			n.Forward = cmp.Or(x.Forward.Mode, "nat")
		}
		if x.Bridge != nil {
			n.Bridge = x.Bridge.Name
		}
		b.host.Networks = append(b.host.Networks, n)
	}
	slices.SortStableFunc(b.host.Networks, func(x, y Network) int { return cmp.Compare(x.Name, y.Name) })
}
