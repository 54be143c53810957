package inventory

// Host is what one libvirt host has and what it has given away. It is not
// changed after Build and may be shared.
type Host struct {
	Name string `json:"name"`
	// UUID is the host's own, as its libvirt reports it; empty if unknown.
	UUID string `json:"uuid,omitempty"`
	// Arch is libvirt's name of the processor's architecture, such as x86_64.
	Arch string `json:"arch,omitempty"`
	// Guests that the host can run under Accelerator, its own architecture
	// first, then its 32-bit sibling.
	Archs []GuestArch `json:"archs,omitempty"`

	CPUModel string `json:"cpu_model,omitempty"`
	Sockets  int    `json:"sockets"`
	// Cores are ordered by their lowest thread; the first k are those that a
	// reserve of k keeps.
	Cores []Core `json:"cores,omitempty"`
	// ThreadsPerCore is that of the core with the most.
	ThreadsPerCore int    `json:"threads_per_core"`
	NUMA           []Cell `json:"numa,omitempty"`
	MemoryTotalMiB uint64 `json:"memory_total_mib"`
	MemoryFreeMiB  uint64 `json:"memory_free_mib,omitempty"`
	// Flags are the features that a guest can be given under Accelerator.
	Flags FlagSet `json:"flags,omitempty"`
	// FlagsComplete is true where a feature that Flags lacks is certainly not
	// there; otherwise it is unknown.
	FlagsComplete bool `json:"flags_complete"`
	// BaseMHz and MaxMHz are 0 where nothing says.
	BaseMHz int      `json:"base_mhz,omitempty"`
	MaxMHz  int      `json:"max_mhz,omitempty"`
	ECC     Tristate `json:"ecc"`
	// ECCFrom is empty where ECC is unknown.
	ECCFrom ECCSource `json:"ecc_from,omitempty"`

	Accelerator Accelerator `json:"accelerator"`

	PCI      []Device  `json:"pci,omitempty"`
	Pools    []Pool    `json:"pools,omitempty"`
	Networks []Network `json:"networks,omitempty"`
	// Guests are all domains, whoever made them, ordered by UUID.
	Guests   []Guest  `json:"guests,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// GuestArch is an architecture that guests can have.
type GuestArch struct {
	Name     string `json:"name"`
	Emulator string `json:"emulator,omitempty"`
	// Machine is the type to define guests with, such as q35.
	Machine string `json:"machine,omitempty"`
	// Machines are all of QEMU's machine types, aliases included, sorted.
	Machines []string `json:"machines,omitempty"`
	// EFI is whether libvirt finds a firmware for it by itself.
	EFI Tristate `json:"efi"`
	// TPM is whether an emulated TPM is offered.
	TPM Tristate `json:"tpm"`
	// MaxVCPUs is that of Machine; 0 where nothing says.
	MaxVCPUs int `json:"max_vcpus,omitempty"`
}

// Core is one physical core.
type Core struct {
	// ID is libvirt's core_id, unique only within its socket.
	ID     int `json:"id"`
	Socket int `json:"socket"`
	Node   int `json:"node"`
	// Threads are host CPU numbers, ascending, at least one.
	Threads []int `json:"threads"`
}

// Cell is one NUMA node. A node may have memory and no CPUs, or the reverse.
type Cell struct {
	ID        int    `json:"id"`
	MemoryMiB uint64 `json:"memory_mib"`
	CPUs      []int  `json:"cpus,omitempty"`
}

// Pool is a storage pool.
type Pool struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Path        string `json:"path,omitempty"`
	Active      bool   `json:"active"`
	CapacityMiB uint64 `json:"capacity_mib"`
	FreeMiB     uint64 `json:"free_mib"`
	// Volumes are those whose XML the source held.
	Volumes []Volume `json:"volumes,omitempty"`
}

// Volume is one volume of a pool.
type Volume struct {
	Name          string `json:"name"`
	CapacityMiB   uint64 `json:"capacity_mib"`
	AllocationMiB uint64 `json:"allocation_mib"`
}

// Network is a libvirt network.
type Network struct {
	Name   string `json:"name"`
	Active bool   `json:"active"`
	// Forward is nat, route, bridge, open, …; empty for an isolated one.
	Forward string `json:"forward,omitempty"`
	Bridge  string `json:"bridge,omitempty"`
}

// Pool finds a pool by name.
func (h *Host) Pool(name string) (Pool, bool) {
	for _, p := range h.Pools {
		if p.Name == name {
			return p, true
		}
	}
	return Pool{}, false
}

// Network finds a network by name.
func (h *Host) Network(name string) (Network, bool) {
	for _, n := range h.Networks {
		if n.Name == name {
			return n, true
		}
	}
	return Network{}, false
}

// GuestArch finds an architecture by libvirt's name.
func (h *Host) GuestArch(name string) (GuestArch, bool) {
	for _, a := range h.Archs {
		if a.Name == name {
			return a, true
		}
	}
	return GuestArch{}, false
}

// Guest finds a domain by UUID.
func (h *Host) Guest(uuid string) (*Guest, bool) {
	for i := range h.Guests {
		if h.Guests[i].UUID == uuid {
			return &h.Guests[i], true
		}
	}
	return nil, false
}
