package fit_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/inventory/inventorytest"
)

// give fits a request that must fit.
func give(t *testing.T, h *inventory.Host, limits fit.Limits, req fit.Request) fit.Assignment {
	t.Helper()
	a, reasons := fit.Fit(h, limits, req, fit.Options{})
	if len(reasons) > 0 {
		t.Fatalf("%+v: %+v", req, reasons)
	}
	return a
}

// refuse asks for what must not fit, and gives the reasons by field.
func refuse(t *testing.T, h *inventory.Host, limits fit.Limits, req fit.Request) map[string]fit.Reason {
	t.Helper()
	a, reasons := fit.Fit(h, limits, req, fit.Options{})
	if len(reasons) == 0 {
		t.Fatalf("%+v fits: %+v", req, a)
	}
	out := map[string]fit.Reason{}
	for _, r := range reasons {
		out[r.Field] = r
	}
	return out
}

func TestCoresAndThreads(t *testing.T) {
	h := plain(4, 2, 8192)
	whole := give(t, h, fit.Limits{}, fit.Request{Slots: 2, Overprovision: 1, MemoryMiB: 512})
	if whole.VCPUs() != 4 || whole.ThreadsPerCore() != 2 || !slices.Equal(whole.Threads, []int{0, 1, 2, 3}) || whole.Cores != 2 {
		t.Errorf("two whole cores are four vCPUs: %+v", whole)
	}
	threads := give(t, h, fit.Limits{}, fit.Request{Slots: 3, AllowSMT: true, Overprovision: 1, MemoryMiB: 512})
	if threads.VCPUs() != 3 || threads.ThreadsPerCore() != 1 || !slices.Equal(threads.Threads, []int{0, 1, 2}) {
		t.Errorf("three threads: %+v", threads)
	}
	if d := give(t, h, fit.Limits{}, fit.Request{Slots: 1}); d.Overprovision != 2 {
		t.Errorf("the default is 2: %d", d.Overprovision)
	}
	if d := give(t, h, fit.Limits{DefaultOverprovision: 4}, fit.Request{Slots: 1}); d.Overprovision != 4 {
		t.Errorf("the provider's default: %d", d.Overprovision)
	}
	reserved := give(t, h, fit.Limits{ReserveCores: 3}, fit.Request{Slots: 1})
	if !slices.Equal(reserved.Units, []int{6, 7}) {
		t.Errorf("the first three cores are reserved: %v", reserved.Units)
	}
	refuse(t, h, fit.Limits{ReserveCores: 3}, fit.Request{Slots: 2})
	refuse(t, h, fit.Limits{ReserveCores: 99}, fit.Request{Slots: 1})
}

func TestWhoToleratesLessBindsTheOthers(t *testing.T) {
	h := plain(1, 2, 8192)
	h = defined(h, "two", give(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 2}), inventory.Held)
	h = defined(h, "five", give(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 5}), inventory.Held)
	if r := refuse(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 5})["slots"]; r.Relax != "" {
		t.Errorf("nothing helps: %+v", r)
	}
	// The one that asks may tolerate less than those who are there.
	h = defined(plain(1, 1, 8192), "five", give(t, plain(1, 1, 8192), fit.Limits{}, fit.Request{Slots: 1, Overprovision: 5}), inventory.Held)
	refuse(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 1})
	give(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 2})
}

func TestAWholeCoreIsSharedByDistinctMachines(t *testing.T) {
	h := plain(1, 2, 8192)
	h = defined(h, "core", give(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 2}), inventory.Held)
	// One machine on both threads is one machine.
	both := give(t, h, fit.Limits{}, fit.Request{Slots: 2, AllowSMT: true, Overprovision: 2})
	with := defined(h, "both", both, inventory.Held)
	refuse(t, with, fit.Limits{}, fit.Request{Slots: 1, AllowSMT: true, Overprovision: 9})
	// Two on a thread each are two.
	with = defined(h, "left", give(t, h, fit.Limits{}, fit.Request{Slots: 1, AllowSMT: true, Overprovision: 2}), inventory.Held)
	refuse(t, with, fit.Limits{}, fit.Request{Slots: 1, AllowSMT: true, Overprovision: 9})
}

func TestPlacement(t *testing.T) {
	h := inventorytest.Host(t, "smt")
	h.Guests = nil
	one := give(t, h, fit.Limits{}, fit.Request{Slots: 1, AllowSMT: true, Overprovision: 3, MemoryMiB: 512})
	h = defined(h, "one", one, inventory.Held)
	two := give(t, h, fit.Limits{}, fit.Request{Slots: 1, AllowSMT: true, Overprovision: 3, MemoryMiB: 512})
	if !slices.Equal(one.Units, two.Units) {
		t.Errorf("who shares is packed: %v and %v", one.Units, two.Units)
	}
	alone := give(t, h, fit.Limits{}, fit.Request{Slots: 1, AllowSMT: true, Overprovision: 1, MemoryMiB: 512})
	if !slices.Equal(alone.Units, []int{16}) {
		t.Errorf("who is alone takes the sibling of a core that is broken up already: %v", alone.Units)
	}
	for _, req := range []fit.Request{
		{Slots: 8, Overprovision: 1, MemoryMiB: 512}, {Slots: 16, AllowSMT: true, Overprovision: 1, MemoryMiB: 512},
	} {
		a := give(t, h, fit.Limits{}, req)
		if a.NUMANode != 1 {
			t.Errorf("%+v fits in node 1 alone: node %d, %v", req, a.NUMANode, a.Units)
		}
	}
	if a := give(t, h, fit.Limits{}, fit.Request{Slots: 9, Overprovision: 1, MemoryMiB: 512}); a.NUMANode != -1 {
		t.Errorf("nine cores are of two nodes: %+v", a)
	}
	if a := give(t, h, fit.Limits{}, fit.Request{Slots: 2, MemoryMiB: 100_000}); a.NUMANode != -1 {
		t.Errorf("no node has the memory: %+v", a)
	}
	if a, b := give(t, h, fit.Limits{}, fit.Request{Slots: 5}), give(t, h, fit.Limits{}, fit.Request{Slots: 5}); cmp.Diff(a, b) != "" {
		t.Error("the same question has two answers")
	}
}

func TestForeignDomains(t *testing.T) {
	pins := func(sets ...[]int) inventory.Guest {
		return inventory.Guest{UUID: "foreign", Active: true, VCPUs: len(sets), Pins: sets, MemoryMiB: 1024}
	}
	for _, test := range []struct {
		name  string
		guest inventory.Guest
		// how many of the 8 threads are free: for one that is alone, and for one
		// that shares with one or two others
		alone, two, three int
	}{
		{"nobody", inventory.Guest{}, 8, 8, 8},
		{"pinned", pins([]int{0}, []int{1}), 6, 8, 8},
		{"a wide pin holds all of it", pins([]int{0, 1, 2, 3}), 4, 8, 8},
		{"a pin to everything says nothing", pins([]int{0, 1, 2, 3, 4, 5, 6, 7}), 7, 8, 8},
		{"not pinned: two to a thread", pins(nil, nil, nil, nil), 6, 6, 8},
		{"not pinned: a half is left", pins(nil, nil, nil), 6, 7, 8},
		{"more than there is room for", pins(make([][]int, 17)...), 0, 0, 7},
		{"off", inventory.Guest{UUID: "foreign", VCPUs: 2, Pins: [][]int{{0}, {1}}}, 8, 8, 8},
		{"cannot be read", inventory.Guest{UUID: "foreign", Damaged: true, VCPUs: 1, Pins: [][]int{{3}}}, 7, 8, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := plain(4, 2, 1<<20)
			h.Guests = []inventory.Guest{test.guest}
			for n, want := range map[int]int{1: test.alone, 2: test.two, 3: test.three} {
				free := 0
				for slots := 1; slots <= 8; slots++ {
					if _, no := fit.Fit(h, fit.Limits{}, fit.Request{Slots: slots, AllowSMT: true, Overprovision: n}, fit.Options{}); len(no) == 0 {
						free = slots
					}
				}
				if free != want {
					t.Errorf("sharing with %d: %d threads, want %d", n, free, want)
				}
			}
		})
	}
	// The model puts them at the top, so that the first cores stay whole.
	h := plain(4, 2, 1<<20)
	h.Guests = []inventory.Guest{pins(nil, nil, nil, nil)}
	if a := give(t, h, fit.Limits{}, fit.Request{Slots: 3, Overprovision: 1}); !slices.Equal(a.Units, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("%v", a.Units)
	}
}

func TestMemory(t *testing.T) {
	h := plain(4, 1, 8192)
	limits := fit.Limits{ReserveMemoryMiB: 1024}
	h = defined(h, "held", give(t, h, limits, fit.Request{Slots: 1, MemoryMiB: 4096}), inventory.Held)
	r := refuse(t, h, limits, fit.Request{Slots: 1, MemoryMiB: 4096})["ramsize"]
	want := fit.Reason{
		Field: "ramsize", Want: "4096 MiB", Have: "3072 MiB", Relax: "ramsize=3072",
		Text: "3072 MiB of the host's 8192 are free, 1024 being reserved",
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	give(t, h, limits, fit.Request{Slots: 1, MemoryMiB: 3072})
	refuse(t, h, fit.Limits{ReserveMemoryMiB: 1 << 60}, fit.Request{Slots: 1, MemoryMiB: 1})
}

func TestUnsettledClaims(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	h := plain(1, 1, 8192)
	h = defined(h, "young", give(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 1}), inventory.Claimed)
	claim := h.Guests[0].Claim
	req := fit.Request{Slots: 1, Overprovision: 1}
	for _, test := range []struct {
		name  string
		age   time.Duration
		state inventory.ClaimState
		opts  fit.Options
		fits  bool
	}{
		{"all count", time.Second, inventory.Claimed, fit.Options{}, false},
		{"young", time.Second, inventory.Claimed, fit.Options{Now: now, IgnoreUnsettled: 15 * time.Second}, true},
		{"old", time.Minute, inventory.Claimed, fit.Options{Now: now, IgnoreUnsettled: 15 * time.Second}, false},
		{"held", time.Second, inventory.Held, fit.Options{Now: now, IgnoreUnsettled: 15 * time.Second}, false},
		{"my own", time.Hour, inventory.Held, fit.Options{Exclude: "young"}, true},
	} {
		claim.CreatedAt, claim.State = now.Add(-test.age), test.state
		if _, no := fit.Fit(h, fit.Limits{}, req, test.opts); (len(no) == 0) != test.fits {
			t.Errorf("%s: %v", test.name, no)
		}
	}
}

func TestEveryReasonAtOnce(t *testing.T) {
	h := inventorytest.Host(t, "small")
	h.ECC, h.BaseMHz, h.FlagsComplete = inventory.No, 2250, true
	reasons := refuse(t, h, fit.Limits{Pool: "default", Network: "gone", ReserveCores: 1}, fit.Request{
		Slots: 4, MemoryMiB: 1 << 20, Archs: []string{"x86_64"}, Flags: []string{"x2apic", "amx_tile"}, MinFrequencyMHz: 3500, RequireECC: true,
		PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: 2}}, BootDiskGiB: 100, EFI: true, TPM: true, Networks: []string{"lan"},
	})
	for field, relax := range map[string]string{
		"slots": "slots=1", "ramsize": "ramsize=7900", "flags": `flags=["x2apic"]`, "min_frequency": "min_frequency=2.25", "reqECC": "reqECC=false",
		"pci": "", "boot_disk_gib": "boot_disk_gib=40", "firmware": "", "tpm": "tpm=false", "host": "", "networks": "",
	} {
		r, there := reasons[field]
		if !there || r.Text == "" || r.Relax != relax {
			t.Errorf("%s: %+v, want relax %q", field, r, relax)
		}
	}
	if got := refuse(t, h, fit.Limits{}, fit.Request{Slots: 1, Archs: []string{"aarch64", "riscv64"}})["archs"]; got.Relax != `archs=["X86_64"]` || got.Want != "ARM_8, RISCV_64" {
		t.Errorf("%+v", got)
	}
	lab := inventorytest.Host(t, "lab")
	if got := refuse(t, lab, fit.Limits{}, fit.Request{Slots: 1, MemoryMiB: 64, Archs: []string{"x86_64"}}); len(got) != 1 || !strings.Contains(got["host"].Text, "vmx") {
		t.Errorf("a host without an accelerator: %+v", got)
	}
}

func TestCoreRelaxations(t *testing.T) {
	h := plain(4, 2, 8192)
	h = defined(h, "a", give(t, h, fit.Limits{}, fit.Request{Slots: 3, Overprovision: 4}), inventory.Held)
	r := refuse(t, h, fit.Limits{}, fit.Request{Slots: 2, Overprovision: 1})
	if r["slots"].Relax != "slots=1" || r["overprovision"].Relax != "overprovision=2" {
		t.Errorf("%+v", r)
	}
	if r := refuse(t, plain(2, 2, 8192), fit.Limits{}, fit.Request{Slots: 3, Overprovision: 1}); r["slots"].Relax != "slots=2" || r["allowSMT"].Relax != "allowSMT=true" {
		t.Errorf("%+v", r)
	}
	many := plain(300, 1, 8192)
	many.Archs[0].MaxVCPUs = 255
	if r := refuse(t, many, fit.Limits{}, fit.Request{Slots: 256})["slots"]; r.Relax != "slots=255" {
		t.Errorf("the machine type has 255 vCPUs: %+v", r)
	}
}

func TestWhatTheHostDoesNotSay(t *testing.T) {
	h := inventorytest.Host(t, "small")
	req := fit.Request{Slots: 1, MemoryMiB: 512, RequireECC: true, MinFrequencyMHz: 2000, Flags: []string{"avx2", "x2apic"}}
	a := give(t, h, fit.Limits{}, req)
	if diff := cmp.Diff([]string{"flags", "min_frequency", "reqECC"}, a.Unknown); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"x2apic"}, a.CPUFlags); diff != "" {
		t.Errorf("what is not known to be there is not asked of libvirt: %s", diff)
	}
	req.Strict = true
	for field, r := range refuse(t, h, fit.Limits{}, req) {
		if r.Have != "unknown" || r.Relax != "strict=false" || !slices.Contains(a.Unknown, field) {
			t.Errorf("%+v", r)
		}
	}
	smt := inventorytest.Host(t, "smt")
	if a := give(t, smt, fit.Limits{}, fit.Request{Slots: 1, Flags: []string{"sse4_1", "AVX2"}, EFI: true, TPM: true}); !slices.Equal(a.CPUFlags, []string{"avx2", "sse4.1"}) || a.Machine != "q35" {
		t.Errorf("%+v", a)
	}
}

func TestDisk(t *testing.T) {
	h := inventorytest.Host(t, "smt") // 500 GiB free; web1 has 2 of its 10 GiB
	limits := fit.Limits{Pool: "default"}
	if r := refuse(t, h, limits, fit.Request{Slots: 1, BootDiskGiB: 500})["boot_disk_gib"]; r.Relax != "boot_disk_gib=492" {
		t.Errorf("8 GiB are promised to web1: %+v", r)
	}
	h.Pools[0].Volumes = nil
	if r := refuse(t, h, limits, fit.Request{Slots: 1, BootDiskGiB: 500})["boot_disk_gib"]; r.Relax != "boot_disk_gib=490" {
		t.Errorf("all of 10 GiB are promised to a disk that is not there: %+v", r)
	}
	h.Pools[0].Active = false
	if r := refuse(t, h, limits, fit.Request{Slots: 1})["host"]; !strings.Contains(r.Text, "not running") {
		t.Errorf("%+v", r)
	}
}
