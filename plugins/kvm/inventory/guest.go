package inventory

// Guest is a domain, ours or somebody else's.
type Guest struct {
	UUID   string `json:"uuid"`
	Name   string `json:"name"`
	Active bool   `json:"active"`
	VCPUs  int    `json:"vcpus"`
	// Pins holds for each vCPU the host threads that it may run on, ascending;
	// nil for a vCPU that may run anywhere. It is as long as VCPUs.
	Pins      [][]int   `json:"pins,omitempty"`
	MemoryMiB uint64    `json:"memory_mib"`
	PCI       []Address `json:"pci,omitempty"`
	// Claim is what Meson wrote on the domain; nil for a foreign one.
	Claim *Claim `json:"claim,omitempty"`
	// Damaged marks a domain that bears Meson's metadata, or XML, that cannot be
	// read. It is taken to hold what can be seen of it whether it runs or not.
	Damaged bool `json:"damaged,omitempty"`
}

// Counts reports whether the domain holds its cores and memory: it runs, or it
// is ours, or it cannot be told. Somebody else's domain that is shut off holds
// only its PCI devices, which are promised to it by name.
func (g *Guest) Counts() bool { return g.Active || g.Claim != nil || g.Damaged }

// Pinned reports whether every vCPU has a set of threads to itself.
func (g *Guest) Pinned() bool {
	for _, p := range g.Pins {
		if p == nil {
			return false
		}
	}
	return len(g.Pins) > 0
}
