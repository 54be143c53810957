package spec

import (
	"slices"

	"github.com/mesoncloud/meson/core"
)

// The fields of a pledge. Encodings name and nest them differently; what is read
// and within which bounds is said here once.

func machineName(key string, f text) field[draft] {
	return bind("name", key, form[string](f), func(d *draft, v string) { d.Name = v })
}

func description(key string) field[draft] {
	return bind("description", key, form[string](note("a text of at most 1024 bytes", 1024)), func(d *draft, v string) { d.Description = v })
}

func slots(key string) field[draft] {
	return bind("slots", key, form[int64](integer(1, 256)), func(d *draft, v int64) { d.Slots = int(v) })
}

func overprovision(key string) field[draft] {
	return bind("overprovision", key, form[int64](integer(1, 10)), func(d *draft, v int64) { d.Overprovision = int(v) })
}

func allowSMT(key string) field[draft] {
	return bind("allowSMT", key, form[bool](boolean{}), func(d *draft, v bool) { d.AllowSMT = v })
}

// fullPhysical is the opposite of allowSMT.
func fullPhysical(key string) field[draft] {
	return bind("allowSMT", key, form[bool](boolean{}), func(d *draft, v bool) { d.AllowSMT = !v })
}

func archs(key string) field[draft] {
	f := list[string]{item: arch(), most: 16, want: "a list of architectures such as [\"X86_64\"]", single: true}
	return bind("archs", key, form[[]string](f), func(d *draft, v []string) {
		if len(v) == 0 {
			d.Archs = defaults().Archs
			return
		}
		d.Archs = nil
		for _, name := range sorted(v) {
			d.Archs = append(d.Archs, core.Arch(name))
		}
	})
}

func flags(key string) field[draft] {
	f := list[string]{item: cpuFlag(), most: 256, want: "a list of CPU flags such as [\"avx2\"]"}
	return bind("flags", key, form[[]string](f), func(d *draft, v []string) { d.Flags = sorted(v) })
}

func frequency(key string) field[draft] {
	f := number{scale: 1000, step: 1, min: 0, max: 5000, want: "GHz from 0 to 5 with at most 3 decimals"}
	return bind("min_frequency", key, form[int64](f), func(d *draft, v int64) { d.MinFrequencyMHz = int(v) })
}

// The memory of a machine, in MiB: 64 TiB is beyond any host today.
const (
	minMemory = 16
	maxMemory = 64 << 20
)

func ramMiB(key string) field[draft] {
	f := number{scale: 1, step: 1, min: minMemory, max: maxMemory, want: "whole MiB from 16 to 67108864 (2 GiB is 2048)"}
	return bind("ramsize", key, form[int64](f), func(d *draft, v int64) { d.MemoryMiB = v })
}

func ramGiB(key string) field[draft] {
	f := number{
		scale: 1024, step: 1, min: minMemory, max: maxMemory,
		want: "GB from 0.015625 to 65536, whole MiB (this is the graphical clients' form, where ramsize is in GB)",
	}
	return bind("ramsize", key, form[int64](f), func(d *draft, v int64) { d.MemoryMiB = v })
}

func ecc(key string) field[draft] {
	return bind("reqECC", key, form[bool](boolean{}), func(d *draft, v bool) { d.RequireECC = v })
}

func osFamily(key string) field[draft] {
	f := word("linux", "windows", "macos", "bsd")
	return bind("misc.os_family", key, form[string](f), func(d *draft, v string) { d.OS.Family = v })
}

func osFlavour(key string) field[draft] {
	return bind("misc.os_flavour", key, form[string](flavour()), func(d *draft, v string) { d.OS.Flavour = v })
}

func pci(key string, f form[[]core.PCIRequest]) field[draft] {
	return bind("pci", key, f, func(d *draft, v []core.PCIRequest) { d.PCI = v })
}

func volumes(key string) field[draft] {
	return bind("volumes", key, form[[]core.VolumeRequest](volumeList()), func(d *draft, v []core.VolumeRequest) { d.Volumes = v })
}

func networks(key string) field[draft] {
	return bind("networks", key, form[[]core.NetworkRequest](networkList()), func(d *draft, v []core.NetworkRequest) { d.Networks = v })
}

func netdevs(key string) field[draft] {
	return bind("netdevs", key, form[[]core.NetworkRequest](networkList()), func(d *draft, v []core.NetworkRequest) { d.netdevs = v })
}

func username(key string) field[draft] {
	return bind("authentication.username", key, form[string](account()), func(d *draft, v string) { d.Login.Username = v })
}

func password(key string) field[draft] {
	f := newSecret("a password of at most 1024 bytes without control characters", 1024, false)
	return bind("authentication.password", key, form[core.Secret](f), func(d *draft, v core.Secret) { d.Login.Password = v })
}

func sshKey(key string) field[draft] {
	f := list[string]{
		item: publicKey(), most: 32, want: "a public key, or a list of them", single: true, blank: true, whole: true,
		id: func(s string) string { return s },
	}
	return bind("authentication.ssh-key", key, form[[]string](f), func(d *draft, v []string) {
		d.Login.SSHKeys = nil
		if len(v) > 0 {
			d.Login.SSHKeys = v
		}
	})
}

func bootDisk(key string) field[draft] {
	return bind("boot_disk_gib", key, form[int64](integer(1, 65536)), func(d *draft, v int64) { d.BootDiskGiB = v })
}

func publicIPv4(key string) field[draft] {
	return bind("public_ipv4", key, form[bool](boolean{}), func(d *draft, v bool) { d.PublicIPv4 = v })
}

func strict(key string) field[draft] {
	return bind("strict", key, form[bool](boolean{}), func(d *draft, v bool) { d.Strict = v })
}

func firmware(key string) field[draft] {
	return bind("firmware", key, form[string](word("bios", "efi")), func(d *draft, v string) { d.Firmware = v })
}

func tpm(key string) field[draft] {
	return bind("tpm", key, form[bool](boolean{}), func(d *draft, v bool) { d.TPM = v })
}

func autostart(key string) field[draft] {
	return bind("autostart", key, form[bool](boolean{}), func(d *draft, v bool) { d.Autostart = v })
}

func userData(key string) field[draft] {
	f := newSecret("cloud-init user data of at most 64 KiB, as a text", core.MaxUserDataBytes, true)
	return bind("user_data", key, form[core.Secret](f), func(d *draft, v core.Secret) { d.UserData = v })
}

// sorted is v in order, each once, never nil.
func sorted(v []string) []string {
	v = append([]string{}, v...)
	slices.Sort(v)
	return slices.Compact(v)
}
