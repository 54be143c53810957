package spec

import "strings"

// cpuFlag is an ISA extension in any case and in the spellings of vendors; it
// becomes the name that /proc/cpuinfo has. Names that the table does not know
// pass if they look like one, since processors gain flags faster than tables.
func cpuFlag() text {
	return text{
		want: "a flag as in /proc/cpuinfo, such as avx2 or sse4_1", most: 64,
		normal: func(s string) (string, string) {
			if flag := kernelFlag(s); flag != "" {
				return flag, ""
			}
			s = strings.ToLower(s)
			if !only(s, "abcdefghijklmnopqrstuvwxyz0123456789_") {
				return "", "is no CPU flag"
			}
			return s, ""
		},
	}
}

// kernelFlag is the kernel's name for a spelling of a flag, empty for an unknown
// one. Case and separators mean nothing: AVX512-VNNI, SSE4.1, SHA-NI, SEV_ES.
func kernelFlag(s string) string {
	bare := squashed(s)
	for flag := range strings.FieldsSeq(x86Flags) {
		if strings.ReplaceAll(flag, "_", "") == bare {
			return flag
		}
	}
	for flag := range strings.FieldsSeq(armFlags) {
		if flag == bare {
			return flag
		}
	}
	// Names that differ by more than their separators.
	switch bare {
	case "avx512":
		return "avx512f"
	case "aesni":
		return "aes"
	case "sse3", "prescottnewinstructions":
		return "pni"
	case "sha":
		return "sha_ni"
	case "clmul", "pclmul", "pclmulni":
		return "pclmulqdq"
	case "fma3":
		return "fma"
	case "lzcnt":
		return "abm"
	case "rdrnd":
		return "rdrand"
	case "tsx":
		return "rtm"
	case "vtx", "intelvt", "intelvtx":
		return "vmx"
	case "amdv":
		return "svm"
	case "hyperthreading", "htt":
		return "ht"
	case "amx":
		return "amx_tile"
	case "longmode", "x8664", "amd64":
		return "lm"
	case "xd":
		return "nx"
	case "advsimd":
		return "asimd"
	case "avx5124vnniw":
		return "avx512_4vnniw"
	case "cmpxchg16b":
		return "cx16"
	case "cmpxchg8b":
		return "cx8"
	case "invtsc", "invarianttsc":
		return "nonstop_tsc"
	default:
		return ""
	}
}

// x86Flags are the names that Linux shows for x86 processors.
const x86Flags = `
fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 pn clflush dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe
syscall mp nx mmxext fxsr_opt pdpe1gb rdtscp lm 3dnowext 3dnow
constant_tsc up art arch_perfmon pebs bts rep_good acc_power nopl xtopology tsc_reliable nonstop_tsc cpuid extd_apicid amd_dcm aperfmperf
rapl nonstop_tsc_s3 tsc_known_freq
pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm pcid dca sse4_1 sse4_2 x2apic movbe popcnt
tsc_deadline_timer aes xsave avx f16c rdrand hypervisor
lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt lwp fma4 tce nodeid_msr tbm topoext
perfctr_core perfctr_nb bpext ptsc perfctr_llc mwaitx
ring3mwait cpuid_fault cpb epb cat_l3 cat_l2 cdp_l3 cdp_l2 invpcid_single hw_pstate proc_feedback pti intel_ppin ssbd mba rsb_ctxsw ibrs ibpb
stibp ibrs_enhanced perfmon_v2
tpr_shadow flexpriority ept vpid ept_ad vmmcall ept_1gb
fsgsbase tsc_adjust sgx bmi1 hle avx2 fdp_excptn_only smep bmi2 erms invpcid rtm cqm zero_fcs_fds mpx rdt_a avx512f avx512dq rdseed adx smap
avx512ifma clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl
xsaveopt xsavec xgetbv1 xsaves xfd cqm_llc cqm_occup_llc cqm_mbm_total cqm_mbm_local split_lock_detect user_shstk
avx_vnni avx512_bf16 cmpccxadd fzrm fsrs fsrc fred lkgs amx_fp16 avx_ifma lam wrmsrns
clzero irperf xsaveerptr rdpru wbnoinvd amd_ppin cppc amd_psfd btc_no brs
dtherm ida arat pln pts hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req hfi
npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists pausefilter pfthreshold avic v_vmsave_vmload vgif x2avic
v_spec_ctrl vnmi
avx512vbmi umip pku ospke waitpkg avx512_vbmi2 gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq la57 rdpid bus_lock_detect
cldemote movdiri movdir64b enqcmd sgx_lc
overflow_recov succor smca
avx512_4vnniw avx512_4fmaps fsrm avx512_vp2intersect md_clear serialize tsxldtrk pconfig arch_lbr ibt amx_bf16 avx512_fp16 amx_tile amx_int8
flush_l1d arch_capabilities
sme sev vm_page_flush sev_es sev_snp v_tsc_aux sme_coherent debug_swap tdx_guest
avx_vnni_int8 avx_vnni_int16 avx_ne_convert sha512 sm3 sm4 amx_complex avx10 apx`

// armFlags are the names that Linux shows for ARM processors.
const armFlags = `
fp asimd evtstrm crc32 atomics fphp asimdhp asimdrdm jscvt fcma lrcpc dcpop sha1 sha2 sha3 asimddp asimdfhm dit uscat ilrcpc flagm ssbs sb
paca pacg dcpodp sve sve2 sveaes svepmull svebitperm svesha3 svesm4 flagm2 frint svei8mm svef32mm svef64mm svebf16 i8mm bf16 dgh rng bti mte
ecv afp rpres mte3 sme2 pmull
swp half thumb fastmult vfp edsp java iwmmxt crunch thumbee neon vfpv3 vfpv3d16 tls vfpv4 idiva idivt vfpd32 lpae`
