package fit_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// broken looks at a host with fresh eyes, knowing only the rules: it lists every
// promise that does not hold. It shares no code with the package.
func broken(h *inventory.Host, limits fit.Limits) []string {
	var out []string
	var memory uint64
	devices := map[inventory.Address]string{}
	for _, g := range h.Guests {
		if g.Active || g.Claim != nil {
			memory += g.MemoryMiB
		}
		for _, a := range g.PCI {
			if other := devices[a]; other != "" {
				out = append(out, fmt.Sprintf("device %s belongs to %s and %s", a, other, g.UUID))
			}
			devices[a] = g.UUID
		}
	}
	if memory+limits.ReserveMemoryMiB > h.MemoryTotalMiB {
		out = append(out, fmt.Sprintf("%d MiB given of %d, reserve %d", memory, h.MemoryTotalMiB, limits.ReserveMemoryMiB))
	}
	room := 0.0
	for i, core := range h.Cores {
		coreRoom, threadsRoom := math.Inf(1), 0.0
		onCore := residents(h, core.Threads)
		for _, g := range onCore {
			if g.Claim == nil {
				continue
			}
			if i < limits.ReserveCores {
				out = append(out, fmt.Sprintf("%s sits on the reserved core %d", g.UUID, i))
			}
			if g.Claim.WholeCores {
				coreRoom = min(coreRoom, float64(g.Claim.Overprovision-len(onCore)))
			}
		}
		for _, t := range core.Threads {
			threadRoom := math.Inf(1)
			onThread := residents(h, []int{t})
			for _, g := range onThread {
				if g.Claim != nil && !g.Claim.WholeCores {
					threadRoom = min(threadRoom, float64(g.Claim.Overprovision-len(onThread)))
				}
			}
			if threadRoom < 0 {
				out = append(out, fmt.Sprintf("%d machines on thread %d", len(onThread), t))
			}
			threadsRoom += max(threadRoom, 0)
		}
		if coreRoom < 0 {
			out = append(out, fmt.Sprintf("%d machines on core %d", len(onCore), i))
		}
		if i >= limits.ReserveCores {
			room += max(min(coreRoom, threadsRoom), 0)
		}
	}
	if f := floating(h); float64(f) > room {
		out = append(out, fmt.Sprintf("%d foreign vCPUs have room for %v", f, room))
	}
	return out
}

// residents are the distinct machines that are pinned to any of the threads.
func residents(h *inventory.Host, threads []int) []inventory.Guest {
	var out []inventory.Guest
	for _, g := range h.Guests {
		var units []int
		if g.Claim != nil {
			units = g.Claim.Units
		} else if g.Active {
			units = slices.Concat(g.Pins...)
		}
		if slices.ContainsFunc(threads, func(t int) bool { return slices.Contains(units, t) }) {
			out = append(out, g)
		}
	}
	return out
}

func floating(h *inventory.Host) int {
	n := 0
	for _, g := range h.Guests {
		for _, p := range g.Pins {
			if g.Claim == nil && g.Active && p == nil {
				n++
			}
		}
	}
	return n
}

// defined is the host after a machine has been given its place.
func defined(h *inventory.Host, uuid string, a fit.Assignment, state inventory.ClaimState) *inventory.Host {
	next := *h
	next.Guests = append(slices.Clone(h.Guests), inventory.Guest{
		UUID: uuid, Name: uuid, VCPUs: a.VCPUs(), MemoryMiB: a.MemoryMiB, PCI: a.PCI,
		Claim: &inventory.Claim{State: state, Overprovision: a.Overprovision, WholeCores: a.WholeCores, Units: a.Units},
	})
	return &next
}

func without(h *inventory.Host, i int) *inventory.Host {
	next := *h
	next.Guests = slices.Delete(slices.Clone(h.Guests), i, i+1)
	return &next
}

// randomHost has up to 4 nodes of up to 6 cores of up to 4 threads, some PCI
// devices, and foreign domains of every sort.
func randomHost(r *rand.Rand) (*inventory.Host, fit.Limits) {
	h := &inventory.Host{
		Name: "random", Arch: "x86_64", MemoryTotalMiB: 1024 * uint64(1+r.IntN(64)), FlagsComplete: true,
		Accelerator: inventory.Accelerator{Kind: inventory.KVM}, Archs: []inventory.GuestArch{{Name: "x86_64"}},
	}
	perCore, perNode, nodes := 1+r.IntN(4), 1+r.IntN(6), 1+r.IntN(4)
	all := perNode * nodes
	for n := range nodes {
		cell := inventory.Cell{ID: n, MemoryMiB: h.MemoryTotalMiB / uint64(nodes)}
		for c := range perNode {
			core := inventory.Core{ID: c, Socket: n, Node: n}
			for t := range perCore {
				core.Threads = append(core.Threads, n*perNode+c+t*all)
			}
			if r.IntN(12) == 0 { // a core with fewer threads, as some processors have
				core.Threads = core.Threads[:1]
			}
			cell.CPUs = append(cell.CPUs, core.Threads...)
			h.Cores = append(h.Cores, core)
			h.ThreadsPerCore = max(h.ThreadsPerCore, len(core.Threads))
		}
		h.NUMA = append(h.NUMA, cell)
	}
	for i := range r.IntN(8) {
		a := inventory.Address{Bus: uint32(i + 1)}
		h.PCI = append(h.PCI, inventory.Device{Address: a, Vendor: "10de", Model: []string{"1bb1", "1eb8"}[r.IntN(2)], Class: "030000", IOMMUGroup: i / 2 * (1 + r.IntN(2)), Driver: []string{"", "nouveau"}[r.IntN(2)]})
		if r.IntN(2) == 0 {
			a.Function = 1
			h.PCI = append(h.PCI, inventory.Device{Address: a, Vendor: "10de", Model: "10f0", Class: "040300", IOMMUGroup: i / 2})
		}
	}
	limits := fit.Limits{ReserveCores: r.IntN(2), ReserveMemoryMiB: uint64(r.IntN(2)) * 512, DefaultOverprovision: r.IntN(5)}
	for i := range r.IntN(4) {
		h.Guests = append(h.Guests, foreign(r, h, i))
	}
	return h, limits
}

func foreign(r *rand.Rand, h *inventory.Host, i int) inventory.Guest {
	g := inventory.Guest{UUID: fmt.Sprintf("foreign-%d", i), Active: r.IntN(3) > 0, VCPUs: 1 + r.IntN(3), MemoryMiB: uint64(r.IntN(512))}
	g.Pins = make([][]int, g.VCPUs)
	for v := range g.Pins {
		if r.IntN(2) == 0 {
			core := h.Cores[r.IntN(len(h.Cores))]
			g.Pins[v] = core.Threads[:1]
		}
	}
	return g
}

func randomRequest(r *rand.Rand) fit.Request {
	req := fit.Request{
		Slots: 1 + r.IntN(5), Overprovision: r.IntN(5), AllowSMT: r.IntN(2) == 0, MemoryMiB: uint64(64 << r.IntN(8)),
		Archs: []string{"x86_64"},
	}
	for range r.IntN(4) / 2 {
		req.PCI = append(req.PCI, fit.PCIRequest{Vendor: "10de", Model: []string{"1bb1", "1eb8"}[r.IntN(2)], Count: 1 + r.IntN(2)})
	}
	return req
}
