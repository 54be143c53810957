package fit

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

func (q *question) accelerator(a *answer) {
	if acc := q.host.Accelerator; acc.Kind == inventory.NoAccelerator || acc.Kind == "" {
		a.no(Reason{Field: "host", Want: "kvm", Have: string(inventory.NoAccelerator), Text: acc.Reason}, relaxation{})
	}
}

func (q *question) arch(a *answer, req Request) {
	var have []string
	for _, g := range q.host.Archs {
		name := kernelArch(g.Name)
		if len(req.Archs) > 0 && !slices.Contains(req.Archs, name) {
			have = append(have, specArch(name))
			continue
		}
		a.Arch, a.Emulator, a.Machine = g.Name, g.Emulator, g.Machine
		q.firmware(a, req, g)
		return
	}
	if len(have) == 0 {
		// Nothing runs here, which the accelerator has explained, or nothing that
		// is known.
		if own := kernelArch(q.host.Arch); own != "" {
			have = []string{specArch(own)}
		}
		if len(req.Archs) == 0 || slices.Contains(req.Archs, kernelArch(q.host.Arch)) {
			if len(a.found) == 0 {
				a.no(Reason{Field: "archs", Have: strings.Join(have, ", "), Text: "the host has no emulator for its own architecture"}, relaxation{})
			}
			return
		}
	}
	var want []string
	for _, n := range req.Archs {
		want = append(want, specArch(n))
	}
	r := Reason{Field: "archs", Want: strings.Join(want, ", "), Have: strings.Join(have, ", "), Text: "the host is " + cmp.Or(strings.Join(have, " and "), "of an unknown architecture")}
	if len(q.host.Archs) == 0 {
		a.no(r, relaxation{})
		return
	}
	own := kernelArch(q.host.Archs[0].Name)
	a.no(r, relaxation{"archs=" + list([]string{specArch(own)}), func(x *Request) { x.Archs = []string{own} }})
}

func (q *question) firmware(a *answer, req Request, g inventory.GuestArch) {
	if req.EFI {
		switch g.EFI {
		case inventory.No:
			a.no(Reason{Field: "firmware", Want: "efi", Have: "bios", Text: "the host has no UEFI firmware for guests"}, relaxation{})
		case inventory.Unknown:
			a.unknown(req, "firmware", "efi", "whether it has UEFI firmware for guests")
		}
	}
	if req.TPM {
		switch g.TPM {
		case inventory.No:
			a.no(Reason{Field: "tpm", Want: "true", Have: "false", Text: "the host emulates no TPM"},
				relaxation{"tpm=false", func(x *Request) { x.TPM = false }})
		case inventory.Unknown:
			a.unknown(req, "tpm", "true", "whether it emulates a TPM")
		}
	}
}

func (q *question) memory(a *answer, req Request) {
	free, _ := memoryFree(q.host, q.limits, q.guests)
	if req.MemoryMiB <= free {
		return
	}
	r := Reason{
		Field: "ramsize", Want: mib(req.MemoryMiB), Have: mib(free),
		Text: fmt.Sprintf("%d MiB of the host's %d are free", free, q.host.MemoryTotalMiB),
	}
	if q.limits.ReserveMemoryMiB > 0 {
		r.Text += fmt.Sprintf(", %d being reserved", q.limits.ReserveMemoryMiB)
	}
	var relax relaxation
	if free >= smallestMemoryMiB {
		relax = relaxation{fmt.Sprintf("ramsize=%d", free), func(x *Request) { x.MemoryMiB = free }}
	}
	a.no(r, relax)
}

// smallestMemoryMiB is the least that is worth proposing.
const smallestMemoryMiB = 64

func (q *question) flags(a *answer, req Request) {
	var missing, kept []string
	for _, f := range req.Flags {
		if name, ok := q.host.Flags.Libvirt(f); ok {
			a.CPUFlags = append(a.CPUFlags, name)
			kept = append(kept, f)
		} else {
			missing = append(missing, f)
		}
	}
	slices.Sort(a.CPUFlags)
	a.CPUFlags = slices.Compact(a.CPUFlags)
	switch {
	case len(missing) == 0:
	case !q.host.FlagsComplete:
		a.unknown(req, "flags", strings.Join(missing, ", "), "whether it has "+strings.Join(missing, ", "))
	default:
		who := "the host does not have it"
		if q.host.Accelerator.Kind == inventory.TCG {
			who = "emulation does not have it"
		}
		a.no(Reason{Field: "flags", Want: strings.Join(missing, ", "), Have: "without", Text: strings.Join(missing, ", ") + ": " + who},
			relaxation{"flags=" + list(kept), func(x *Request) { x.Flags = kept }})
	}
}

func (q *question) frequency(a *answer, req Request) {
	base := q.host.BaseMHz
	switch want := req.MinFrequencyMHz; {
	case want <= 0 || want <= base:
	case base <= 0:
		a.unknown(req, "min_frequency", ghz(want)+" GHz", "its base clock")
	default:
		a.no(Reason{Field: "min_frequency", Want: ghz(want) + " GHz", Have: ghz(base) + " GHz", Text: "its base clock is " + ghz(base) + " GHz"},
			relaxation{"min_frequency=" + ghz(base), func(x *Request) { x.MinFrequencyMHz = base }})
	}
}

func (q *question) ecc(a *answer, req Request) {
	if !req.RequireECC || q.host.ECC == inventory.Yes {
		return
	}
	if q.host.ECC == inventory.Unknown {
		a.unknown(req, "reqECC", "true", "whether its memory corrects errors")
		return
	}
	a.no(Reason{Field: "reqECC", Want: "true", Have: "false", Text: "its memory does not correct errors"},
		relaxation{"reqECC=false", func(x *Request) { x.RequireECC = false }})
}

func (q *question) disk(a *answer, req Request) {
	if q.limits.Pool == "" {
		return
	}
	p, there := q.host.Pool(q.limits.Pool)
	if !there || !p.Active {
		have := "not running"
		if !there {
			have = "none of that name"
		}
		a.no(Reason{Field: "host", Want: "storage pool " + q.limits.Pool, Have: have, Text: fmt.Sprintf("storage pool %s: %s", q.limits.Pool, have)}, relaxation{})
		return
	}
	free, _ := diskFree(p, q.guests)
	free >>= 10
	if req.BootDiskGiB <= free {
		return
	}
	var relax relaxation
	if free > 0 {
		relax = relaxation{fmt.Sprintf("boot_disk_gib=%d", free), func(x *Request) { x.BootDiskGiB = free }}
	}
	a.no(Reason{
		Field: "boot_disk_gib", Want: fmt.Sprintf("%d GiB", req.BootDiskGiB), Have: fmt.Sprintf("%d GiB", free),
		Text: fmt.Sprintf("storage pool %s has %d GiB left", p.Name, free),
	}, relax)
}

func (q *question) networks(a *answer, req Request) {
	for _, name := range append(slices.Clone(req.Networks), q.limits.Network) {
		if name == "" {
			continue
		}
		n, there := q.host.Network(name)
		if there && n.Active {
			continue
		}
		r := Reason{Field: "networks", Want: name, Have: "not running", Text: "network " + name + " is not running"}
		if !there {
			r.Have, r.Text = "none of that name", "the host has no network "+name
		}
		if name == q.limits.Network {
			r.Field = "host"
		}
		a.no(r, relaxation{})
	}
}

func mib(n uint64) string { return strconv.FormatUint(n, 10) + " MiB" }

// ghz writes a clock as specs do.
func ghz(mhz int) string {
	s := strings.TrimRight(fmt.Sprintf("%d.%03d", mhz/1000, mhz%1000), "0")
	return strings.TrimSuffix(s, ".")
}

// kernelArch is the kernel's name of one of libvirt's architectures.
func kernelArch(libvirt string) string {
	if libvirt == "ppc64le" {
		return "ppc64"
	}
	return libvirt
}

// specArch is the name that specs have for one of the kernel's.
func specArch(kernel string) string {
	return cmp.Or(map[string]string{
		"i686": "X86_32", "x86_64": "X86_64", "armv7l": "ARM_7", "aarch64": "ARM_8",
		"ppc64": "PPC_64", "s390x": "S390X", "riscv64": "RISCV_64",
	}[kernel], kernel)
}
