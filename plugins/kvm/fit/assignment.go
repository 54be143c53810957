package fit

import "github.com/mesoncloud/meson/plugins/kvm/inventory"

// Assignment is where a machine fits.
type Assignment struct {
	// Arch is libvirt's name, Emulator the host's program for it, Machine the
	// machine type to define it with.
	Arch, Emulator, Machine string
	// Threads holds for each vCPU the host thread that it is pinned to.
	Threads []int
	// Units are the host threads that are charged for, ascending: equal to
	// Threads as a set.
	Units []int
	// Cores is how many cores Units are of, if WholeCores.
	Cores      int
	WholeCores bool
	// Overprovision is the tolerance in effect.
	Overprovision int
	// NUMANode is the node that threads and memory fit in, or -1.
	NUMANode  int
	MemoryMiB uint64
	// PCI are the devices to pass, those that come along included, ordered.
	PCI []inventory.Address
	// CPUFlags are the asked features in libvirt's names, sorted.
	CPUFlags []string
	// Unknown lists fields of the spec about which the host says nothing.
	Unknown []string
}

// VCPUs is how many the guest has.
func (a *Assignment) VCPUs() int { return len(a.Threads) }

// ThreadsPerCore is for the guest's topology: how many consecutive entries of
// Threads are one core's. It is 1 unless whole cores, all alike, were given.
func (a *Assignment) ThreadsPerCore() int {
	if !a.WholeCores || a.Cores == 0 || len(a.Threads)%a.Cores != 0 {
		return 1
	}
	return len(a.Threads) / a.Cores
}
