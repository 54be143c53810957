package inventory

import (
	"io/fs"
	"strings"
)

// ECCSource is who says whether a host's memory corrects errors.
//
// Libvirt does not: it asks dmidecode for memory devices (type 17) but keeps
// neither their total nor their data width, and does not ask for memory arrays
// (type 16), which name the correction. So it is the kernel of the host itself,
// or the operator, or nobody.
type ECCSource string

// The sources.
const (
	// ECCKernel is EDAC, the kernel's own view of the memory controllers.
	ECCKernel ECCSource = "kernel"
	// ECCStated is the operator.
	ECCStated ECCSource = "stated"
)

// ECCText is such as "yes", "yes, stated by the operator" or "unknown".
func (h *Host) ECCText() string {
	if h.ECCFrom == ECCStated {
		return h.ECC.String() + ", stated by the operator"
	}
	return h.ECC.String()
}

// ecc believes the kernel before the operator.
func (b *builder) ecc() {
	switch {
	case b.src.EDAC != Unknown:
		b.host.ECC, b.host.ECCFrom = b.src.EDAC, ECCKernel
	case b.src.ECC != Unknown:
		b.host.ECC, b.host.ECCFrom = b.src.ECC, ECCStated
	}
}

// EDAC reads the kernel's memory controllers, the directories mc0, mc1, … of
// /sys/devices/system/edac/mc. Memory corrects errors if all of it does: one
// module that does not is a no. It is unknown where no module tells, as on most
// machines without ECC, whose controllers no driver cares for.
//
// That there is a controller says nothing by itself: the driver ghes_edac shows
// modules without ECC too, with the mode None.
func EDAC(mc fs.FS) Tristate {
	all := Unknown
	// Drivers of either kind name modules dimmN or rankN; rows are of the older
	// interface, a build option of the kernel.
	for _, pattern := range []string{"mc[0-9]*/dimm[0-9]*/dimm_edac_mode", "mc[0-9]*/rank[0-9]*/dimm_edac_mode", "mc[0-9]*/csrow[0-9]*/edac_mode"} {
		files, _ := fs.Glob(mc, pattern)
		for _, f := range files {
			text, err := fs.ReadFile(mc, f)
			if err != nil {
				continue
			}
			switch one := corrects(strings.TrimSpace(string(text))); one {
			case No:
				return No
			case Yes:
				all = Yes
			}
		}
	}
	return all
}

// corrects reads the kernel's name of an EDAC mode.
func corrects(mode string) Tristate {
	switch {
	case mode == "None", mode == "PARITY", mode == "EC": // the last two find errors only
		return No
	case strings.HasSuffix(mode, "ED"): // SECDED, S4ECD4ED and their like
		return Yes
	}
	return Unknown // Unknown, Reserved
}
