package upcloud

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
)

// familyCustom is that of a free choice of cores and memory.
const familyCustom = "custom"

// sortSizes puts sizes into the order that freeSizes needs.
func sortSizes(sizes []upcloud.ServerConfiguration) {
	slices.SortFunc(sizes, func(a, b upcloud.ServerConfiguration) int {
		return cmp.Or(cmp.Compare(a.CoreNumber, b.CoreNumber), cmp.Compare(a.MemoryAmount, b.MemoryAmount))
	})
}

// freeSizes are the free choices that fit a pledge and that no other one beats in
// both cores and memory; those of fewer cores come first.
func (s *shop) freeSizes(a *ask) []*plan {
	var best []*plan
	for _, c := range s.sizes {
		if c.CoreNumber < a.cores || c.MemoryAmount < a.memoryMiB || c.CoreNumber > maxCores || c.MemoryAmount > maxMemoryMiB {
			continue
		}
		if len(best) == 0 || c.MemoryAmount < best[len(best)-1].memoryMiB {
			best = append(best, freeSize(c.CoreNumber, c.MemoryAmount))
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
