package core

import "slices"

// MaxUserDataBytes bounds the user data of a pledge, wherever it comes from. It
// is what the tightest of the clouds takes (UpCloud 64 KiB, Compute Engine 256
// KiB; own hosts take any), so that whoever is asked can be asked for the same.
// sdk.MaxUserDataBytes is the same on the plugins' side.
const MaxUserDataBytes = 64 << 10

// Pledge is the one normalised meaning of a spec: what is asked of every
// provider. Its JSON is the flat encoding of a spec with every default filled
// in, so that what `meson check` prints is itself a spec with the same meaning,
// secrets excepted. Bounds are those that core/spec enforces.
type Pledge struct {
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	// Slots counts hardware threads if AllowSMT, else whole cores with all
	// their threads. 1 to 256, default 1.
	Slots int `json:"slots"`
	// Overprovision is the most machines that may share what is counted: 1 is
	// exclusive, 0 is no preference. At most 10.
	Overprovision int  `json:"overprovision,omitempty"`
	AllowSMT      bool `json:"allowSMT"`
	// Archs are alternatives, canonical and sorted; default X86_64.
	Archs []Arch `json:"archs"`
	// Flags are all required: names of /proc/cpuinfo, lower case, sorted.
	Flags []string `json:"flags"`
	// MinFrequencyMHz is the lowest base clock, 0 for none. The flat encoding
	// has it in GHz.
	MinFrequencyMHz int `json:"-"`
	// MemoryMiB is 512 by default.
	MemoryMiB  int64 `json:"ramsize"`
	RequireECC bool  `json:"reqECC"`
	OS         OS    `json:"misc"`
	// PCI devices, all on one host, one entry a model, sorted.
	PCI      []PCIRequest     `json:"pci"`
	Volumes  []VolumeRequest  `json:"volumes"`
	Networks []NetworkRequest `json:"networks"`
	Login    Login            `json:"authentication"`

	// Meson's own additions to the flat form.

	// BootDiskGiB is 10 by default; an image may need more.
	BootDiskGiB int64 `json:"boot_disk_gib"`
	PublicIPv4  bool  `json:"public_ipv4"`
	// Strict refuses what a provider does not say.
	Strict bool `json:"strict"`
	// Firmware is bios, efi or empty for the image's own.
	Firmware  string `json:"firmware,omitempty"`
	TPM       bool   `json:"tpm,omitempty"`
	Autostart bool   `json:"autostart,omitempty"`
	UserData  Secret `json:"user_data,omitzero"`
}

// OS is the system to boot, lower case. Family is linux, windows, macos or bsd;
// empty leaves it to the provider.
type OS struct {
	Family  string `json:"os_family,omitempty"`
	Flavour string `json:"os_flavour,omitempty"`
}

// PCIRequest asks for Quantity devices of one model. Vendor and Model are four
// lower-case hexadecimal digits.
type PCIRequest struct {
	Vendor   string `json:"vendor"`
	Model    string `json:"model"`
	Quantity int    `json:"quantity"`
}

// VolumeRequest is a volume that exists (VID) or one to be made (Name and
// Size). Sizes are multiples of 128 MiB.
type VolumeRequest struct {
	VID  string `json:"vid,omitempty"`
	Name string `json:"name,omitempty"`
	// SizeMiB is "size_gib" in JSON.
	SizeMiB int64 `json:"-"`
	// Bootable, of one to be made, is that machines can boot from it once it holds a
	// system; a new one is empty. Of one that exists it is never the user's to say;
	// see Booting.
	Bootable  bool `json:"bootable,omitempty"`
	Shareable bool `json:"shareable,omitempty"`
	ReadOnly  bool `json:"readonly,omitempty"`
	Volatile  bool `json:"volatile,omitempty"`
	// Private and Format, of one to be made, are those of VolumeSpec.
	Private bool   `json:"private,omitempty"`
	Format  string `json:"format,omitempty"`
}

// NetworkRequest names a network of the provider's.
type NetworkRequest struct {
	UID string `json:"network_uid"`
}

// Login is the user that the guest makes at first boot.
type Login struct {
	Username string `json:"username,omitempty"`
	Password Secret `json:"password,omitzero"`
	// SSHKeys is "ssh-key" in JSON: a string for one, a list for several.
	SSHKeys []string `json:"-"`
}

// Arch is a processor architecture as specs write it.
type Arch string

// The architectures.
const (
	ArchX8632   Arch = "X86_32"
	ArchX8664   Arch = "X86_64"
	ArchARM7    Arch = "ARM_7"
	ArchARM8    Arch = "ARM_8"
	ArchPPC64   Arch = "PPC_64"
	ArchS390X   Arch = "S390X"
	ArchRISCV64 Arch = "RISCV_64"
)

// Kernel is the architecture's name in Linux and in the plugin contract, such
// as x86_64 or aarch64; empty for an unknown one.
func (a Arch) Kernel() string {
	return map[Arch]string{
		ArchX8632: "i686", ArchX8664: "x86_64", ArchARM7: "armv7l", ArchARM8: "aarch64",
		ArchPPC64: "ppc64", ArchS390X: "s390x", ArchRISCV64: "riscv64",
	}[a]
}

// Clone is a copy that shares nothing with p.
func (p Pledge) Clone() Pledge {
	p.Archs, p.Flags = slices.Clone(p.Archs), slices.Clone(p.Flags)
	p.PCI, p.Volumes, p.Networks = slices.Clone(p.PCI), slices.Clone(p.Volumes), slices.Clone(p.Networks)
	p.Login.SSHKeys = slices.Clone(p.Login.SSHKeys)
	return p
}
