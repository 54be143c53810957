package spec

import (
	"strings"
	"testing"
)

// TestKernelFlagsAreTheirOwnNames keeps the table free of names that differ in
// their separators only, which would be taken for each other.
func TestKernelFlagsAreTheirOwnNames(t *testing.T) {
	for flag := range strings.FieldsSeq(x86Flags + " " + armFlags) {
		for _, spelling := range []string{flag, strings.ToUpper(flag), strings.ReplaceAll(flag, "_", "-")} {
			if got := kernelFlag(spelling); got != flag {
				t.Errorf("%s is read as %q", spelling, got)
			}
		}
	}
}

func TestVendorSpellings(t *testing.T) {
	for spelling, want := range map[string]string{
		"AVX-512": "avx512f", "AVX512": "avx512f", "AVX-512F": "avx512f", "AVX512-VNNI": "avx512_vnni", "AVX512_4VNNIW": "avx512_4vnniw",
		"AES": "aes", "AES-NI": "aes", "SSE3": "pni", "SSE4.1": "sse4_1", "SSE4_2": "sse4_2", "SHA-NI": "sha_ni", "SHA": "sha_ni",
		"PCLMUL": "pclmulqdq", "FMA3": "fma", "LZCNT": "abm", "RDRND": "rdrand", "TSX": "rtm", "VT-x": "vmx", "AMD-V": "svm", "AMX": "amx_tile",
		"SEV": "sev", "SEV-ES": "sev_es", "SEV-SNP": "sev_snp", "AMD64": "lm", "XD": "nx", "CMPXCHG16B": "cx16", "CMPXCHG8B": "cx8",
		"HTT": "ht", "invariant TSC": "nonstop_tsc", "AdvSIMD": "asimd", "NEON": "neon", "3DNow": "3dnow", "MMX": "mmx",
		"unheard_of": "", "": "",
	} {
		if got := kernelFlag(spelling); got != want {
			t.Errorf("%s is read as %q, want %q", spelling, got, want)
		}
	}
}
