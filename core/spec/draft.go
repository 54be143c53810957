package spec

import (
	"slices"

	"github.com/mesoncloud/meson/core"
)

// draft is a pledge while its file is read.
type draft struct {
	core.Pledge
	// netdevs join the networks in the end.
	netdevs []core.NetworkRequest
}

// defaults is the pledge of a spec that says nothing.
func defaults() core.Pledge {
	return core.Pledge{
		Slots: 1, Archs: []core.Arch{core.ArchX8664}, Flags: []string{}, MemoryMiB: 512,
		PCI: []core.PCIRequest{}, Volumes: []core.VolumeRequest{}, Networks: []core.NetworkRequest{}, BootDiskGiB: 10,
	}
}

// finish is the pledge that the draft means.
func (d *draft) finish() core.Pledge {
	p := d.Pledge
	for _, n := range d.netdevs {
		if !slices.Contains(p.Networks, n) {
			p.Networks = append(p.Networks, n)
		}
	}
	return p
}
