package fit

import (
	"math"
	"slices"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// memoryFree is what of the host's memory nobody has, reserve taken off; with
// what is missing where more has been given than there is.
func memoryFree(h *inventory.Host, limits Limits, guests []inventory.Guest) (free, missing uint64) {
	var used uint64
	for i := range guests {
		if guests[i].Counts() {
			used = plus(used, guests[i].MemoryMiB)
		}
	}
	return minus(minus0(h.MemoryTotalMiB, limits.ReserveMemoryMiB), used)
}

// diskFree is what of a pool is neither used nor promised. Disks are thin: a
// volume that is there is promised the part of its size that it has not yet
// taken, one that is not yet there all of it.
func diskFree(p inventory.Pool, guests []inventory.Guest) (free, missing uint64) {
	var promised uint64
	for i := range guests {
		if c := guests[i].Claim; c != nil && c.Pool == p.Name {
			promised = plus(promised, promise(p, c))
		}
	}
	return minus(p.FreeMiB, promised)
}

func promise(p inventory.Pool, c *inventory.Claim) uint64 {
	var sum uint64
	boot := c.DiskMiB
	for i, name := range c.Volumes {
		at := slices.IndexFunc(p.Volumes, func(v inventory.Volume) bool { return v.Name == name })
		if at < 0 {
			continue
		}
		sum = plus(sum, minus0(p.Volumes[at].CapacityMiB, p.Volumes[at].AllocationMiB))
		if i == 0 {
			boot = 0
		}
	}
	return plus(sum, boot)
}

// plus, minus and minus0 do not wrap round, whatever a host says.
func plus(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

func minus(a, b uint64) (left, missing uint64) { return a - min(a, b), b - min(a, b) }

func minus0(a, b uint64) uint64 { return a - min(a, b) }
