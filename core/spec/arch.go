package spec

import (
	"strings"

	"github.com/mesoncloud/meson/core"
)

// arch is an architecture in any case and in the spellings that people use.
func arch() text {
	canonical := []core.Arch{
		core.ArchX8632, core.ArchX8664, core.ArchARM7, core.ArchARM8, core.ArchPPC64, core.ArchS390X, core.ArchRISCV64,
	}
	values := make([]string, len(canonical))
	for i, a := range canonical {
		values[i] = string(a)
	}
	return text{
		want: "one of " + strings.Join(values, ", "), values: values, most: 32,
		normal: func(s string) (string, string) {
			if a := archOf(squashed(s)); a != "" {
				return string(a), ""
			}
			return "", "is no architecture"
		},
	}
}

// archOf knows the spellings of processors, distributions and compilers, without
// their separators.
func archOf(s string) core.Arch {
	switch s {
	case "x8632", "x86", "i386", "i486", "i586", "i686", "ia32":
		return core.ArchX8632
	case "x8664", "x64", "amd64", "intel64", "em64t":
		return core.ArchX8664
	case "arm7", "armv7", "armv7l", "armv7a", "armhf", "arm32":
		return core.ArchARM7
	case "arm8", "armv8", "armv8a", "aarch64", "arm64":
		return core.ArchARM8
	case "ppc64", "ppc64le", "ppc64el", "powerpc64", "powerpc64le":
		return core.ArchPPC64
	case "s390x":
		return core.ArchS390X
	case "riscv64", "rv64", "rv64gc":
		return core.ArchRISCV64
	default:
		return ""
	}
}

// squashed is s in lower case without what spellings differ in.
func squashed(s string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(s))
}

// flavour names a system within its family.
func flavour() text {
	return text{
		want: "a flavour such as debian or windows11: letters, digits, dot, hyphen and underscore, at most 64", most: 64, optional: true,
		pattern: `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`,
		normal: func(s string) (string, string) {
			if !only(s, letters+"0123456789._-") || only(s[:1], "._-") {
				return "", "is no flavour"
			}
			return strings.ToLower(s), ""
		},
	}
}
