package fit

import (
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// MaxOverprovision is the most machines that a request can ask to share with.
const MaxOverprovision = 10

// Request is what of a pledge a host has to answer.
type Request struct {
	// Slots is at least 1: threads if AllowSMT, else cores.
	Slots int
	// Overprovision is the most machines that share what is counted; 0 is the
	// provider's default.
	Overprovision int
	AllowSMT      bool
	// Archs are alternatives in the kernel's names; empty is any.
	Archs []string
	// Flags are all required, in the kernel's names.
	Flags           []string
	MinFrequencyMHz int
	MemoryMiB       uint64
	RequireECC      bool
	PCI             []PCIRequest
	// BootDiskGiB is what the pool must hold; at least the image's minimum.
	BootDiskGiB uint64
	// Networks are names of libvirt networks that must be there, beside the
	// one of Limits.
	Networks []string
	// EFI and TPM ask for a firmware and an emulated TPM.
	EFI, TPM bool
	// Strict refuses what the host does not say.
	Strict bool
}

// PCIRequest asks for Count devices of one model.
type PCIRequest struct {
	// Vendor and Model are four lower-case hexadecimal digits.
	Vendor, Model string
	Count         int
}

// RequestOf takes from a pledge what concerns the host. bootDiskGiB is the size
// of the boot disk after the image's minimum has been applied, efi whether the
// pledge or the image asks for UEFI.
func RequestOf(p *pb.Pledge, bootDiskGiB uint64, efi bool) Request {
	r := Request{
		Slots: max(int(p.GetSlots()), 1), Overprovision: int(p.GetOverprovision()), AllowSMT: p.GetAllowSmt(),
		Archs: p.GetArchs(), Flags: p.GetCpuFlags(), MinFrequencyMHz: int(p.GetMinFrequencyMhz()),
		MemoryMiB: p.GetMemoryMib(), RequireECC: p.GetRequireEcc(), BootDiskGiB: bootDiskGiB,
		Networks: p.GetNetworks(), EFI: efi, TPM: p.GetTpm(), Strict: p.GetStrict(),
	}
	for _, d := range p.GetPci() {
		r.PCI = append(r.PCI, PCIRequest{Vendor: d.GetVendor(), Model: d.GetModel(), Count: max(int(d.GetCount()), 1)})
	}
	return r
}

// Limits are what the operator says about a host.
type Limits struct {
	// ReserveCores is how many of the first cores are never given away.
	ReserveCores int
	// ReserveMemoryMiB of the host's memory is never given away.
	ReserveMemoryMiB uint64
	// DefaultOverprovision stands for a request's 0; 0 here is 2. Foreign
	// domains that are not pinned are packed at it.
	DefaultOverprovision int
	// Pool is where boot disks are made. Empty: no disk is looked at.
	Pool string
	// Network is what machines are connected to. Empty: none is looked at.
	Network string
}

// Options say how to look at claims.
type Options struct {
	// Now is needed for IgnoreUnsettled alone.
	Now time.Time
	// IgnoreUnsettled leaves out claims that are younger than this and that
	// their makers have not looked at again: they may yet be withdrawn. 0
	// counts all.
	IgnoreUnsettled time.Duration
	// Exclude is the UUID of the domain to leave out: the asker's own.
	Exclude string
}
