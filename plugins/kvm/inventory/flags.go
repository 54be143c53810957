package inventory

import (
	"maps"
	"slices"
	"strings"
)

// FlagSet is a set of processor features: the name in the Linux kernel's
// /proc/cpuinfo to the name in libvirt's XML.
type FlagSet map[string]string

// Has reports whether the feature is there, whichever of the two spellings is
// given.
func (s FlagSet) Has(name string) bool {
	_, ok := s[KernelFlag(name)]
	return ok
}

// Libvirt is libvirt's name of a feature in the set.
func (s FlagSet) Libvirt(name string) (string, bool) {
	v, ok := s[KernelFlag(name)]
	return v, ok
}

// Names are the kernel's names, sorted.
func (s FlagSet) Names() []string { return slices.Sorted(maps.Keys(s)) }

// add takes a feature in libvirt's spelling.
func (s FlagSet) add(libvirt string) { s[KernelFlag(libvirt)] = libvirt }

// KernelFlag is the kernel's spelling of a feature that libvirt (or the kernel
// itself) names.
func KernelFlag(name string) string {
	name = strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToLower(name))
	switch name {
	case "pclmuldq":
		return "pclmulqdq"
	case "sse3":
		return "pni"
	case "ds":
		return "dts"
	case "cvt16":
		return "f16c"
	case "lzcnt":
		return "abm"
	case "tsc_deadline":
		return "tsc_deadline_timer"
	case "invtsc":
		return "nonstop_tsc"
	case "avx512vbmi2":
		return "avx512_vbmi2"
	case "avx512vnni":
		return "avx512_vnni"
	case "avx512bitalg":
		return "avx512_bitalg"
	case "ffxsr":
		return "fxsr_opt"
	case "i64":
		return "lm"
	case "xd":
		return "nx"
	case "tsx_ldtrk":
		return "tsxldtrk"
	}
	return name
}
