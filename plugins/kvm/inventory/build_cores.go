package inventory

import (
	"cmp"
	"slices"

	"libvirt.org/go/libvirtxml"
)

// cores reads sockets, cores, threads and NUMA nodes from the capabilities.
func (b *builder) cores() {
	h, caps := b.host, &b.caps.Host
	h.UUID = caps.UUID
	if caps.CPU != nil {
		h.Arch, h.CPUModel = caps.CPU.Arch, caps.CPU.Model
	}
	if caps.NUMA == nil || caps.NUMA.Cells == nil {
		b.warn("capabilities without a topology: no core of the host can be given away")
		return
	}
	topology := threads{}
	for _, cell := range caps.NUMA.Cells.Cells {
		h.NUMA = append(h.NUMA, b.cell(cell, topology))
	}
	slices.SortFunc(h.NUMA, func(x, y Cell) int { return cmp.Compare(x.ID, y.ID) })
	h.Cores = b.group(topology)
	sockets := map[int]bool{}
	for _, c := range h.Cores {
		sockets[c.Socket] = true
		h.ThreadsPerCore = max(h.ThreadsPerCore, len(c.Threads))
	}
	h.Sockets = len(sockets)
}

// threads are the host's CPUs by number.
type threads map[int]thread

type thread struct {
	node int
	cpu  libvirtxml.CapsHostNUMACPU
}

func (b *builder) cell(cell libvirtxml.CapsHostNUMACell, all threads) Cell {
	out := Cell{ID: cell.ID}
	if cell.Memory != nil {
		mib, err := mebibytes(cell.Memory.Size, cell.Memory.Unit)
		if err != nil {
			b.warn("memory of NUMA node %d: %v", cell.ID, err)
		}
		out.MemoryMiB = mib
	}
	if cell.CPUS == nil {
		return out
	}
	for _, cpu := range cell.CPUS.CPUs {
		if cpu.ID < 0 || cpu.ID > maxCPU {
			b.warn("CPU %d: its number is out of range", cpu.ID)
			continue
		}
		if _, twice := all[cpu.ID]; twice {
			b.warn("CPU %d is in two NUMA nodes; the first is taken", cpu.ID)
			continue
		}
		all[cpu.ID] = thread{cell.ID, cpu}
		out.CPUs = append(out.CPUs, cpu.ID)
	}
	slices.Sort(out.CPUs)
	return out
}

// group puts threads together into cores.
func (b *builder) group(all threads) []Core {
	if !b.told(all) {
		return nil
	}
	var cores []Core
	taken := map[int]bool{}
	for _, id := range sortedKeys(all) {
		t := all[id]
		// libvirt lists CPUs that are offline by their number alone.
		if taken[id] || (t.cpu.Siblings == "" && t.cpu.CoreID == nil && len(all) > 1 && someDetail(all)) {
			continue
		}
		core := Core{Node: t.node, ID: deref(t.cpu.CoreID, id), Socket: deref(t.cpu.SocketID, 0)}
		for _, sibling := range b.siblings(all, id) {
			if _, online := all[sibling]; online && !taken[sibling] {
				taken[sibling] = true
				core.Threads = append(core.Threads, sibling)
			}
		}
		cores = append(cores, core)
	}
	return cores
}

// told reports whether the capabilities say which threads share a core.
func (b *builder) told(all threads) bool {
	if someDetail(all) {
		return true
	}
	cpu := b.caps.Host.CPU
	if cpu != nil && cpu.Topology != nil && cpu.Topology.Threads == 1 {
		return true
	}
	b.warn("capabilities do not say which threads share a core: none can be given away")
	return false
}

func (b *builder) siblings(all threads, id int) []int {
	t := all[id]
	if t.cpu.Siblings != "" {
		set, err := ParseCPUSet(t.cpu.Siblings)
		if err == nil && slices.Contains(set, id) {
			return set
		}
		b.warn("siblings %.40q of CPU %d cannot be read", t.cpu.Siblings, id)
	}
	if t.cpu.CoreID == nil {
		return []int{id}
	}
	var set []int
	for other, o := range all {
		if o.cpu.CoreID != nil && *o.cpu.CoreID == *t.cpu.CoreID && o.node == t.node &&
			deref(o.cpu.SocketID, 0) == deref(t.cpu.SocketID, 0) &&
			deref(o.cpu.DieID, 0) == deref(t.cpu.DieID, 0) &&
			deref(o.cpu.ClusterID, 0) == deref(t.cpu.ClusterID, 0) {
			set = append(set, other)
		}
	}
	slices.Sort(set)
	return set
}

func someDetail(all threads) bool {
	for _, t := range all {
		if t.cpu.Siblings != "" || t.cpu.CoreID != nil {
			return true
		}
	}
	return false
}

func sortedKeys[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func deref(p *int, otherwise int) int {
	if p == nil {
		return otherwise
	}
	return *p
}
