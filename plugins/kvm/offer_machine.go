package kvm

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk/pb"
)

// offer is what a match offers, without what depends on prices and time.
func (m *match) offer() *pb.Offer {
	a, site := &m.assignment, m.snapshot.Site
	shape := m.shape()
	return &pb.Offer{
		Id:     site.Zone + "/" + shape + m.details(),
		Region: site.Region, Zone: site.Zone, Shape: shape,
		Vcpus: uint32(a.VCPUs()), MemoryMib: a.MemoryMiB, Arch: contractArch(a.Arch),
		Unknown: a.Unknown, Quantities: m.quantities(), Facts: m.facts(),
		Consumer: site.consumer(m.provider, m.snapshot.Host.UUID, mounts(m.pledge.GetOsFamily())),
	}
}

// shape is cores or threads, memory, and with how many they are shared: 2c-2048m
// or 4t-2048m-s2.
func (m *match) shape() string {
	a := &m.assignment
	counted := "t"
	if a.WholeCores {
		counted = "c"
	}
	s := fmt.Sprintf("%d%s-%dm", m.request.Slots, counted, a.MemoryMiB)
	if a.Overprovision > 1 {
		s += fmt.Sprintf("-s%d", a.Overprovision)
	}
	return s
}

// details tell apart machines of one shape. Which cores they get does not.
func (m *match) details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "/%dg", m.request.BootDiskGiB)
	if m.assignment.Arch != m.snapshot.Host.Arch {
		b.WriteString("/" + m.assignment.Arch)
	}
	for _, p := range m.request.PCI {
		fmt.Fprintf(&b, "/%dx%s:%s", p.Count, p.Vendor, p.Model)
	}
	if m.pledge.GetPublicIpv4() {
		b.WriteString("/public")
	}
	return b.String()
}

// quantities are what is paid: cores by their share, memory and disk. A thread
// is that part of a core which it is on the host's cores with most threads.
func (m *match) quantities() []*pb.Quantity {
	a, sku := &m.assignment, m.snapshot.Site.SKUPrefix
	n := uint32(a.Overprovision)
	cores := &pb.Quantity{Sku: sku + skuCore, Amount: strconv.Itoa(m.request.Slots), Divisor: n, Text: counted(m.request.Slots, "core")}
	if !a.WholeCores {
		perCore := max(m.snapshot.Host.ThreadsPerCore, 1)
		cores.Divisor *= uint32(perCore)
		cores.Text = counted(m.request.Slots, "thread") + fmt.Sprintf(", %d to a core", perCore)
	}
	if n > 1 {
		cores.Text += fmt.Sprintf(", shared by at most %d", n)
	}
	out := []*pb.Quantity{cores}
	if a.MemoryMiB > 0 {
		amount, divisor := reduced(a.MemoryMiB, 1024)
		out = append(out, &pb.Quantity{Sku: sku + skuMemory, Amount: amount, Divisor: divisor, Text: fmt.Sprintf("%d MiB of memory", a.MemoryMiB)})
	}
	if disk := m.request.BootDiskGiB; disk > 0 {
		out = append(out, &pb.Quantity{Sku: sku + skuDisk, Amount: strconv.FormatUint(disk, 10), Divisor: 1, Text: fmt.Sprintf("boot disk of %d GiB", disk)})
	}
	return out
}

// reduced is a fraction in its lowest terms.
func reduced(amount uint64, divisor uint32) (string, uint32) {
	for divisor%2 == 0 && amount%2 == 0 {
		amount, divisor = amount/2, divisor/2
	}
	return strconv.FormatUint(amount, 10), divisor
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// facts are for people to choose by.
func (m *match) facts() map[string]string {
	h, site, a := m.snapshot.Host, m.snapshot.Site, &m.assignment
	facts := maps.Clone(site.Labels)
	if facts == nil {
		facts = map[string]string{}
	}
	facts["host"], facts["group"] = site.Zone, site.Group
	facts["accelerator"] = string(h.Accelerator.Kind)
	facts["ecc"] = h.ECCText()
	facts["sharing"] = "exclusive"
	if a.Overprovision > 1 {
		facts["sharing"] = fmt.Sprintf("shared by at most %d", a.Overprovision)
	}
	if h.CPUModel != "" {
		facts["cpu"] = h.CPUModel
	}
	if h.BaseMHz > 0 {
		facts["base_mhz"] = strconv.Itoa(h.BaseMHz)
	}
	if h.Accelerator.Kind == inventory.TCG {
		facts["note"] = "emulated, slow: for tests"
	}
	if len(a.PCI) > 0 {
		addresses := make([]string, len(a.PCI))
		for i, p := range a.PCI {
			addresses[i] = p.String()
		}
		facts["pci"] = strings.Join(addresses, " ")
	}
	return facts
}
