package fit

import (
	"cmp"
	"slices"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// unit is one thing that is counted: a thread, or a core with its threads.
type unit struct {
	core    int // index
	node    int
	threads []int
	load    int // machines on it
	beside  int // machines on its core
}

// units are those that would take one more machine, in the order in which they
// are best given: the fullest first, so that empty ones stay whole; of equally
// full ones those of the fullest core, so that its siblings stay free.
func (b *board) units(smt bool, n int) []unit {
	var out []unit
	for _, c := range b.available() {
		core := b.cores[c]
		if !smt {
			if b.admitsCore(c, n) {
				load := b.coreLoad(c)
				out = append(out, unit{core: c, node: core.Node, threads: core.Threads, load: load, beside: load})
			}
			continue
		}
		for _, t := range core.Threads {
			if b.admitsThread(t, n) {
				out = append(out, unit{core: c, node: core.Node, threads: []int{t}, load: b.threadLoad(t), beside: b.coreLoad(c)})
			}
		}
	}
	slices.SortStableFunc(out, func(x, y unit) int {
		return cmp.Or(cmp.Compare(y.load, x.load), cmp.Compare(y.beside, x.beside), cmp.Compare(x.core, y.core))
	})
	return out
}

// pick takes so many units, of one NUMA node if one has them, and names the
// node, or -1. There must be enough.
func pick(h *inventory.Host, units []unit, slots int, memoryMiB uint64) ([]unit, int) {
	best, node := units[:slots], -1
	var bestRank [4]int
	for _, cell := range h.NUMA {
		var here []unit
		for _, u := range units {
			if u.node == cell.ID {
				here = append(here, u)
			}
		}
		if len(here) < slots {
			continue
		}
		load := 0
		for _, u := range here[:slots] {
			load += u.load
		}
		memory := 0
		if memoryMiB <= nodeFree(h, cell) {
			memory = 1
		}
		// Where the memory is, then the fullest units, then the node with the
		// fewest others left, so that large machines find room elsewhere.
		rank := [4]int{1, memory, load, -len(here)}
		if slices.Compare(rank[:], bestRank[:]) > 0 {
			best, bestRank, node = here[:slots], rank, cell.ID
		}
	}
	// Binding memory to the only node, or to one that lacks it, helps nobody.
	if bestRank[1] == 0 || len(h.NUMA) < 2 {
		node = -1
	}
	best = slices.Clone(best)
	slices.SortStableFunc(best, func(x, y unit) int {
		return cmp.Or(cmp.Compare(x.core, y.core), slices.Compare(x.threads, y.threads))
	})
	return best, node
}

// nodeFree is what the domains that sit wholly in a node leave of its memory.
func nodeFree(h *inventory.Host, cell inventory.Cell) uint64 {
	free := cell.MemoryMiB
	for i := range h.Guests {
		g := &h.Guests[i]
		if !g.Counts() || g.Claim == nil {
			continue
		}
		inside := !slices.ContainsFunc(g.Claim.Units, func(t int) bool { return !slices.Contains(cell.CPUs, t) })
		if inside {
			free -= min(free, g.MemoryMiB)
		}
	}
	return free
}
