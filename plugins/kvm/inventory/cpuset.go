package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxCPU bounds the numbers of host threads that are believed.
const maxCPU = 65535

// ParseCPUSet reads libvirt's way of writing a set of CPUs, such as
// "0-3,8,^2", and gives its members ascending, at least one.
func ParseCPUSet(s string) ([]int, error) {
	bad := fmt.Errorf("CPU set %.40q: want one such as 0-3,8", s)
	set := map[int]bool{}
	for part := range strings.SplitSeq(s, ",") {
		part, except := strings.CutPrefix(strings.TrimSpace(part), "^")
		low, high, isRange := strings.Cut(part, "-")
		from, err := strconv.ParseUint(low, 10, 16)
		if err != nil {
			return nil, bad
		}
		to := from
		if isRange {
			if to, err = strconv.ParseUint(high, 10, 16); err != nil || to < from {
				return nil, bad
			}
		}
		for cpu := from; cpu <= to; cpu++ {
			if except {
				delete(set, int(cpu))
			} else {
				set[int(cpu)] = true
			}
		}
	}
	if len(set) == 0 {
		return nil, bad
	}
	return slices.Sorted(maps.Keys(set)), nil
}

// FormatCPUSet writes a set in libvirt's way. CPUs may come in any order and
// twice.
func FormatCPUSet(cpus []int) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(cpus)))
	var out strings.Builder
	for i := 0; i < len(sorted); {
		j := i
		for j+1 < len(sorted) && sorted[j+1] == sorted[j]+1 {
			j++
		}
		if out.Len() > 0 {
			out.WriteByte(',')
		}
		out.WriteString(strconv.Itoa(sorted[i]))
		if j > i {
			out.WriteByte('-')
			out.WriteString(strconv.Itoa(sorted[j]))
		}
		i = j + 1
	}
	return out.String()
}
