package domain

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"libvirt.org/go/libvirtxml"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

var update = flag.Bool("update", false, "write the golden files anew")

const testUUID = "6d65736f-6e00-5000-8000-00000000cafe"

// tcg is the machine that the lab makes; the others are made of it.
func tcg() Spec {
	return Spec{
		UUID: testUUID, Name: "web1-6d65736f", Description: "made by Meson: allocation a1 of broker b1",
		Metadata:    "<meson:claim xmlns:meson='https://meson.cloud/xmlns/domain/1' state='claimed'/>",
		Accelerator: inventory.TCG,
		Assignment: fit.Assignment{
			Arch: "x86_64", Emulator: "/usr/bin/qemu-system-x86_64", Machine: "q35",
			Threads: []int{1}, Units: []int{1}, Overprovision: 2, NUMANode: -1, MemoryMiB: 192,
		},
		Disk: "/pool/meson-" + testUUID + ".qcow2", Seed: "/pool/meson-" + testUUID + "-seed.iso",
		Networks: []string{"default"}, VNC: VNC{Password: "s3cr3t99"},
		ConsoleLog: "/var/log/libvirt/qemu/meson-" + testUUID + "-console.log",
	}
}

func disksOf(all ...link.Link) []libvirtxml.DomainDisk {
	disks, err := link.Devices(testUUID, all)
	if err != nil {
		panic(err)
	}
	return disks
}

func specs() map[string]Spec {
	kvm := tcg()
	kvm.Accelerator = inventory.KVM
	kvm.Assignment.Threads, kvm.Assignment.Units = []int{2, 10, 3, 11}, []int{2, 3, 10, 11}
	kvm.Assignment.WholeCores, kvm.Assignment.Cores = true, 2
	kvm.Assignment.NUMANode = 1
	kvm.Assignment.MemoryMiB = 8192
	kvm.Assignment.CPUFlags = []string{"avx2", "avx512f"}

	efi := tcg()
	efi.EFI, efi.TPM = true, true
	efi.VNC.Listen = "10.0.0.7"
	efi.Networks = []string{"public", "storage"}

	arm := tcg()
	arm.Accelerator, arm.EFI = inventory.KVM, true
	arm.Assignment.Arch, arm.Assignment.Emulator, arm.Assignment.Machine = "aarch64", "/usr/bin/qemu-system-aarch64", "virt"
	arm.Assignment.CPUFlags = []string{"asimd"}

	gpu := kvm
	gpu.Assignment.PCI = []inventory.Address{{Bus: 0x41, Slot: 0, Function: 0}, {Bus: 0x41, Slot: 0, Function: 1}}
	gpu.ConsoleLog = ""

	s390 := tcg()
	s390.Accelerator = inventory.KVM
	s390.Assignment.Arch, s390.Assignment.Emulator, s390.Assignment.Machine = "s390x", "/usr/bin/qemu-system-s390x", "s390-ccw-virtio"

	volumes := tcg()
	volumes.Volumes = disksOf(
		link.Link{ID: "a1-1-0", File: &link.File{Path: "/vault/x & y.elimg/data.img", Format: "qcow2"}},
		link.Link{ID: "a1-1-1", ReadOnly: true, File: &link.File{Path: "/vault/iso.elimg/data.img", Format: "raw"}},
		link.Link{ID: "a1-1-2", NBD: &link.NBD{Host: "10.0.0.5", Port: "10809", Export: "vol"}},
		link.Link{ID: "a1-1-3", NBD: &link.NBD{Socket: "/run/vault/vol.sock", Export: "vol"}},
		link.Link{ID: "a1-1-4", ISCSI: &link.ISCSI{Portals: []link.Portal{{Host: "fd00::5", Port: "3260"}}, Target: "iqn.2026-01.dev.meson:open", LUN: 1}},
	)

	fromVolume := tcg()
	fromVolume.Disk = ""
	fromVolume.Volumes = disksOf(
		link.Link{ID: "a1-1-0", File: &link.File{Path: "/vault/data.elimg/data.img", Format: "raw"}},
		link.Link{ID: "a1-1-1", Boot: true, ISCSI: &link.ISCSI{
			Portals: []link.Portal{{Host: "10.0.0.5", Port: "3260"}, {Host: "10.0.1.5", Port: "3260"}}, Target: "iqn.2026-01.dev.meson:vol.7", LUN: 1,
			Initiator: "iqn.2026-01.dev.meson:host-1", User: "a1-1-1", Password: sdk.NewSecret("hush"),
		}},
		link.Link{ID: "a1-1-2", Name: "share", NFS: &link.NFS{Host: "10.0.0.5", Port: "2049", Export: "/share", Version: "4.2"}},
	)

	return map[string]Spec{"volumes": volumes, "from-volume": fromVolume, "tcg": tcg(), "kvm-intel": kvm, "efi-tpm": efi, "arm64": arm, "gpu": gpu, "s390x": s390}
}

// The definitions are as their golden files, which the tests of package kvm
// hold against libvirt's own schema.
func TestXML(t *testing.T) {
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			have, err := XML(spec)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".xml")
			if *update {
				if err := os.WriteFile(path, []byte(have+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), strings.TrimSpace(have)); diff != "" {
				t.Errorf("%s (-want +have):\n%s", path, diff)
			}
		})
	}
}

// Every vCPU is pinned to the one thread it is charged for, and QEMU itself to
// no other.
func TestPins(t *testing.T) {
	for name, spec := range specs() {
		doc, err := XML(spec)
		if err != nil {
			t.Fatal(err)
		}
		var d libvirtxml.Domain
		if err := d.Unmarshal(doc); err != nil {
			t.Fatal(err)
		}
		if int(d.VCPU.Value) != len(spec.Assignment.Threads) || len(d.CPUTune.VCPUPin) != len(spec.Assignment.Threads) {
			t.Errorf("%s: %d vCPUs, %d pins, want %d", name, d.VCPU.Value, len(d.CPUTune.VCPUPin), len(spec.Assignment.Threads))
		}
		units, err := inventory.ParseCPUSet(d.CPUTune.EmulatorPin.CPUSet)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spec.Assignment.Units, units); diff != "" {
			t.Errorf("%s: emulator (-want +have):\n%s", name, diff)
		}
	}
}

func TestXMLRefuses(t *testing.T) {
	none := tcg()
	none.Accelerator = inventory.NoAccelerator
	unpinned := tcg()
	unpinned.Assignment.Threads = nil
	for name, spec := range map[string]Spec{"no accelerator": none, "no threads": unpinned} {
		if doc, err := XML(spec); err == nil {
			t.Errorf("%s: %s", name, doc)
		}
	}
}

// The address follows from the UUID and the interface, is one of QEMU's, and
// does not repeat on one machine.
func TestMAC(t *testing.T) {
	seen := map[string]bool{}
	for n := range 8 {
		mac := MAC(testUUID, n)
		if !strings.HasPrefix(mac, "52:54:00:") || len(mac) != 17 || mac != MAC(testUUID, n) || seen[mac] {
			t.Errorf("interface %d: %s", n, mac)
		}
		seen[mac] = true
	}
}
