package fit

import (
	"math"
	"slices"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// board is a host's cores with everybody who is on them.
type board struct {
	cores   []inventory.Core
	coreOf  map[int]int // thread to index in cores
	reserve int         // the first so many cores are nobody's

	machines []machine
	onThread map[int][]int // thread to indices of machines
	onCore   map[int][]int // core to indices of distinct machines
	// floating counts, by thread, the vCPUs of foreign domains that are not
	// pinned, where the model puts them.
	floating map[int]int
	// homeless are such vCPUs for which there is no room left.
	homeless int
}

// machine is a claim, or a foreign domain that is pinned.
type machine struct {
	uuid  string
	units []int
	whole bool
	// tolerance is how many machines may share a unit with it, itself
	// included.
	tolerance int
}

// anybody is the tolerance of a foreign domain: it has asked for nothing.
const anybody = math.MaxInt

func newBoard(h *inventory.Host, limits Limits, guests []inventory.Guest) *board {
	b := &board{
		cores: h.Cores, coreOf: map[int]int{}, reserve: max(limits.ReserveCores, 0),
		onThread: map[int][]int{}, onCore: map[int][]int{}, floating: map[int]int{},
	}
	for i, c := range h.Cores {
		for _, t := range c.Threads {
			b.coreOf[t] = i
		}
	}
	vcpus := 0
	for i := range guests {
		vcpus += b.put(&guests[i])
	}
	b.float(vcpus, limits.share())
	return b
}

func (l Limits) share() int {
	if l.DefaultOverprovision < 1 {
		return 2
	}
	return l.DefaultOverprovision
}

// put places a domain where it says it is, and gives how many of its vCPUs say
// nothing.
func (b *board) put(g *inventory.Guest) int {
	if !g.Counts() {
		return 0
	}
	if c := g.Claim; c != nil {
		b.add(machine{uuid: g.UUID, units: c.Units, whole: c.WholeCores, tolerance: max(c.Overprovision, 1)})
		return 0
	}
	m, floating := machine{uuid: g.UUID, tolerance: anybody}, 0
	for _, pin := range g.Pins {
		if pin == nil || b.everywhere(pin) {
			floating++
			continue
		}
		m.units = append(m.units, pin...)
	}
	if len(m.units) > 0 {
		b.add(m)
	}
	return floating
}

// everywhere reports whether a pin leaves out nothing that can be given away,
// and so says nothing.
func (b *board) everywhere(pin []int) bool {
	threads := 0
	for _, c := range b.available() {
		for _, t := range b.cores[c].Threads {
			threads++
			if _, in := slices.BinarySearch(pin, t); !in {
				return false
			}
		}
	}
	return threads > 1
}

func (b *board) add(m machine) {
	i := len(b.machines)
	b.machines = append(b.machines, m)
	for _, t := range m.units {
		c, there := b.coreOf[t]
		if !there || slices.Contains(b.onThread[t], i) {
			continue
		}
		b.onThread[t] = append(b.onThread[t], i)
		if !slices.Contains(b.onCore[c], i) {
			b.onCore[c] = append(b.onCore[c], i)
		}
	}
}

// available are the indices of the cores that can be given away.
func (b *board) available() []int {
	var out []int
	for c := b.reserve; c < len(b.cores); c++ {
		out = append(out, c)
	}
	return out
}

// threadLoad is how many share a thread.
func (b *board) threadLoad(t int) int { return len(b.onThread[t]) + b.floating[t] }

// coreLoad is how many share a core, each machine counted once.
func (b *board) coreLoad(c int) int {
	n := len(b.onCore[c])
	for _, t := range b.cores[c].Threads {
		n += b.floating[t]
	}
	return n
}

// threadTolerance is the least of those who count the thread, coreTolerance of
// those who count the core.
func (b *board) threadTolerance(t int) int {
	n := anybody
	for _, i := range b.onThread[t] {
		if m := b.machines[i]; !m.whole {
			n = min(n, m.tolerance)
		}
	}
	return n
}

func (b *board) coreTolerance(c int) int {
	n := anybody
	for _, i := range b.onCore[c] {
		if m := b.machines[i]; m.whole {
			n = min(n, m.tolerance)
		}
	}
	return n
}

// admitsThread reports whether one more machine, of tolerance n, may count the
// thread. That it already is on the core's other threads makes no difference:
// it is then one of those whom the core's tolerance has been asked about.
func (b *board) admitsThread(t, n int) bool {
	c := b.coreOf[t]
	return b.threadLoad(t) < min(n, b.threadTolerance(t)) && b.coreLoad(c) < b.coreTolerance(c)
}

// admitsCore reports whether one more machine, of tolerance n, may count the
// core.
func (b *board) admitsCore(c, n int) bool {
	if b.coreLoad(c) >= min(n, b.coreTolerance(c)) {
		return false
	}
	for _, t := range b.cores[c].Threads {
		if b.threadLoad(t) >= b.threadTolerance(t) {
			return false
		}
	}
	return true
}

// float puts foreign vCPUs that may run anywhere where they disturb nobody's
// promise: from the highest thread downward, share to a thread, and when all
// threads that could have as many do, one more on each, until nobody takes one. A
// machine that was admitted beside them does not move them, because it was
// admitted with them there.
func (b *board) float(vcpus, share int) {
	var threads []int
	for _, c := range b.available() {
		threads = append(threads, b.cores[c].Threads...)
	}
	slices.Sort(threads)
	slices.Reverse(threads)
	for vcpus > 0 {
		before := vcpus
		for _, t := range threads {
			for vcpus > 0 && b.floating[t] < share && b.admitsThread(t, anybody) {
				b.floating[t]++
				vcpus--
			}
		}
		if vcpus == before {
			break
		}
		share++
	}
	b.homeless = vcpus
}
