package upcloud

import (
	"cmp"
	"fmt"
	"slices"
)

// familyCustom is that of a free choice of cores and memory.
const familyCustom = "custom"

// freeSizes are the free choices that fit a pledge and that no other one beats in
// both cores and memory; those of fewer cores come first.
func (s *shop) freeSizes(a *ask) []*plan {
	var fit []*plan
	for _, c := range s.sizes {
		if c.CoreNumber >= a.cores && c.MemoryAmount >= a.memoryMiB && c.CoreNumber <= maxCores && c.MemoryAmount <= maxMemoryMiB {
			fit = append(fit, freeSize(c.CoreNumber, c.MemoryAmount))
		}
	}
	slices.SortFunc(fit, func(a, b *plan) int {
		return cmp.Or(cmp.Compare(a.cores, b.cores), cmp.Compare(a.memoryMiB, b.memoryMiB))
	})
	var best []*plan
	for _, p := range fit {
		if len(best) == 0 || p.memoryMiB < best[len(best)-1].memoryMiB {
			best = append(best, p)
		}
	}
	return best
}

func freeSize(cores, memoryMiB int) *plan {
	return &plan{
		name: fmt.Sprintf("custom-%dxCPU-%dMB", cores, memoryMiB), cores: cores, memoryMiB: memoryMiB,
		family: familyCustom, current: true,
	}
}
