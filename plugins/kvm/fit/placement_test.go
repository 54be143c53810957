package fit_test

import (
	"slices"
	"testing"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// on puts a claim on threads of one's choice.
func on(h *inventory.Host, uuid string, whole bool, n int, units ...int) *inventory.Host {
	return defined(h, uuid, fit.Assignment{Units: units, Threads: units, WholeCores: whole, Overprovision: n}, inventory.Held)
}

func TestTheFullestUnitThatStillAdmits(t *testing.T) {
	// Thread 2 has one machine, thread 5 two; 4 is the free sibling of 5.
	h := on(on(on(plain(4, 2, 8192), "a", false, 4, 2), "b", false, 4, 5), "c", false, 4, 5)
	for _, test := range []struct {
		name string
		req  fit.Request
		want []int
	}{
		{"joins two", fit.Request{Slots: 1, AllowSMT: true, Overprovision: 4}, []int{5}},
		{"joins one, as it tolerates no two", fit.Request{Slots: 1, AllowSMT: true, Overprovision: 2}, []int{2}},
		{"is alone, on the core with most others", fit.Request{Slots: 1, AllowSMT: true, Overprovision: 1}, []int{4}},
		{"is alone on two, on broken cores first", fit.Request{Slots: 2, AllowSMT: true, Overprovision: 1}, []int{3, 4}},
		{"is alone on a core", fit.Request{Slots: 1, Overprovision: 1}, []int{0, 1}},
		{"shares a core", fit.Request{Slots: 1, Overprovision: 4}, []int{4, 5}},
	} {
		if a := give(t, h, fit.Limits{}, test.req); !slices.Equal(a.Units, test.want) {
			t.Errorf("%s: %v, want %v", test.name, a.Units, test.want)
		}
	}
}

func TestTheSmallestNodeThatIsEnough(t *testing.T) {
	h := plain(6, 1, 8192)
	h.NUMA = []inventory.Cell{{ID: 0, MemoryMiB: 4096, CPUs: []int{0, 1, 2, 3}}, {ID: 1, MemoryMiB: 4096, CPUs: []int{4, 5}}}
	h.Cores[4].Node, h.Cores[5].Node = 1, 1
	if a := give(t, h, fit.Limits{}, fit.Request{Slots: 2, Overprovision: 1, MemoryMiB: 512}); a.NUMANode != 1 {
		t.Errorf("two cores of node 1 keep node 0 for four: %+v", a)
	}
	if a := give(t, h, fit.Limits{}, fit.Request{Slots: 4, Overprovision: 1, MemoryMiB: 512}); a.NUMANode != 0 {
		t.Errorf("%+v", a)
	}
	// A machine that fills the memory of node 1 sends the next to node 0.
	full := fit.Assignment{Units: []int{4}, Threads: []int{4}, Overprovision: 9, MemoryMiB: 4000}
	if a := give(t, defined(h, "full", full, inventory.Held), fit.Limits{}, fit.Request{Slots: 1, Overprovision: 9, MemoryMiB: 512}); a.NUMANode != 0 {
		t.Errorf("%+v", a)
	}
}

func TestOnlyHelpfulRelaxationsAreSaid(t *testing.T) {
	// Everybody is full: neither sharing more nor threads would help.
	h := on(plain(2, 2, 8192), "all", true, 1, 0, 1, 2, 3)
	reasons := refuse(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 1})
	if _, said := reasons["allowSMT"]; said || len(reasons) != 1 || reasons["slots"].Relax != "" {
		t.Errorf("%+v", reasons)
	}
}

func TestDevicesThatNobodyUsesMayStayBehind(t *testing.T) {
	h := plain(2, 1, 8192)
	for i, driver := range []string{"vfio-pci", "", "pci-stub"} {
		h.PCI = append(h.PCI, inventory.Device{Address: inventory.Address{Bus: uint32(i)}, Vendor: "10de", Model: "1bb1", IOMMUGroup: 7, Driver: driver})
	}
	for n := 1; n <= 3; n++ {
		if a := give(t, h, fit.Limits{}, fit.Request{Slots: 1, PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: n}}}); len(a.PCI) != n {
			t.Errorf("%d of a group of three: %v", n, a.PCI)
		}
	}
	// Once one of a group is a machine's, the rest are nobody else's.
	one := give(t, h, fit.Limits{}, fit.Request{Slots: 1, PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: 1}}})
	refuse(t, defined(h, "one", one, inventory.Claimed), fit.Limits{}, fit.Request{Slots: 1, PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: 1}}})
}

func TestAClaimThatRunsIsSettled(t *testing.T) {
	h := on(on(plain(1, 1, 8192), "mine", false, 1, 0), "other", false, 1, 0)
	h.Guests[1].Claim.State, h.Guests[1].Active = inventory.Claimed, true
	if c := fit.Conflicts(h, fit.Limits{}, "mine"); len(c) != 1 || !c[0].Settled {
		t.Errorf("%+v", c)
	}
}

func TestDisksOfOtherPoolsDoNotCount(t *testing.T) {
	h := on(plain(2, 1, 8192), "other", false, 1, 0)
	h.Guests[0].Claim.Pool, h.Guests[0].Claim.DiskMiB = "slow", 50<<10
	h.Pools = []inventory.Pool{{Name: "default", Active: true, FreeMiB: 20 << 10}, {Name: "slow", Active: true, FreeMiB: 60 << 10}}
	give(t, h, fit.Limits{Pool: "default"}, fit.Request{Slots: 1, BootDiskGiB: 20})
	give(t, h, fit.Limits{Pool: "slow"}, fit.Request{Slots: 1, BootDiskGiB: 10})
	refuse(t, h, fit.Limits{Pool: "slow"}, fit.Request{Slots: 1, BootDiskGiB: 11})
	refuse(t, h, fit.Limits{Pool: "none"}, fit.Request{Slots: 1})
}

func TestForeignDomainsAreThoughtBesideClaimsThatAreAlone(t *testing.T) {
	h := on(plain(4, 1, 8192), "alone", false, 1, 3)
	h.Guests = append(h.Guests, inventory.Guest{UUID: "foreign", Active: true, VCPUs: 2, Pins: [][]int{nil, nil}})
	if a := give(t, h, fit.Limits{}, fit.Request{Slots: 2, Overprovision: 1}); !slices.Equal(a.Units, []int{0, 1}) {
		t.Errorf("they are on thread 2: %v", a.Units)
	}
	refuse(t, h, fit.Limits{}, fit.Request{Slots: 3, Overprovision: 1})
	if c := fit.Conflicts(h, fit.Limits{}, "alone"); len(c) > 0 {
		t.Errorf("they have room elsewhere: %+v", c)
	}
}
