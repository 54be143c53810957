package fit_test

import (
	"slices"
	"testing"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/inventory/inventorytest"
)

func TestConflicts(t *testing.T) {
	mine := fit.Assignment{Threads: []int{0, 1}, Units: []int{0, 1}, WholeCores: true, Overprovision: 2, MemoryMiB: 1024, PCI: []inventory.Address{{Bus: 2}}}
	other := func(change func(*fit.Assignment)) fit.Assignment {
		a := fit.Assignment{Threads: []int{2}, Units: []int{2}, Overprovision: 2, MemoryMiB: 1024}
		change(&a)
		return a
	}
	for _, test := range []struct {
		name    string
		others  []fit.Assignment
		state   inventory.ClaimState
		limits  fit.Limits
		field   string
		settled bool
	}{
		{"alone", nil, "", fit.Limits{}, "", false},
		{"beside", []fit.Assignment{other(func(*fit.Assignment) {})}, inventory.Claimed, fit.Limits{}, "", false},
		{"shares", []fit.Assignment{other(func(a *fit.Assignment) { a.Units = []int{1} })}, inventory.Claimed, fit.Limits{}, "", false},
		{"two share, one too many", []fit.Assignment{
			other(func(a *fit.Assignment) { a.Units = []int{1} }), other(func(a *fit.Assignment) { a.Units = []int{0} }),
		}, inventory.Claimed, fit.Limits{}, "slots", false},
		{"the other is alone", []fit.Assignment{other(func(a *fit.Assignment) { a.Units, a.Overprovision = []int{1}, 1 })}, inventory.Held, fit.Limits{}, "slots", true},
		{"memory", []fit.Assignment{other(func(a *fit.Assignment) { a.MemoryMiB = 7169 })}, inventory.Claimed, fit.Limits{}, "ramsize", false},
		{"reserve", nil, "", fit.Limits{ReserveMemoryMiB: 7169}, "ramsize", true},
		{"device", []fit.Assignment{other(func(a *fit.Assignment) { a.PCI = []inventory.Address{{Bus: 2}} })}, inventory.Claimed, fit.Limits{}, "pci", false},
		{"reserved core", nil, "", fit.Limits{ReserveCores: 1}, "slots", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := defined(plain(2, 2, 8192), "mine", mine, inventory.Claimed)
			for i, o := range test.others {
				h = defined(h, string(rune('a'+i)), o, test.state)
			}
			found := fit.Conflicts(h, test.limits, "mine")
			if (test.field == "") != (len(found) == 0) {
				t.Fatalf("%+v", found)
			}
			for _, c := range found {
				if c.Field != test.field || c.Settled != test.settled || c.Text == "" || slices.Contains(c.With, "mine") {
					t.Errorf("%+v", c)
				}
			}
		})
	}
	if c := fit.Conflicts(plain(1, 1, 1024), fit.Limits{}, "gone"); len(c) != 1 || !c[0].Settled {
		t.Errorf("a claim that is not there: %+v", c)
	}
}

func TestForeignDomainThatStartsInBetween(t *testing.T) {
	h := plain(1, 2, 8192)
	a := give(t, h, fit.Limits{}, fit.Request{Slots: 1, Overprovision: 1, MemoryMiB: 512})
	h = defined(h, "mine", a, inventory.Claimed)
	h.Guests = append(h.Guests, inventory.Guest{UUID: "foreign", Active: true, VCPUs: 1, Pins: [][]int{nil}, MemoryMiB: 128})
	if c := fit.Conflicts(h, fit.Limits{}, "mine"); len(c) == 0 || !c[0].Settled {
		t.Errorf("it has nowhere else to run: %+v", c)
	}
}

func BenchmarkFit100Hosts(b *testing.B) {
	var hosts []*inventory.Host
	for _, name := range inventorytest.Names() {
		hosts = append(hosts, inventorytest.Host(b, name))
	}
	req := fit.Request{Slots: 4, AllowSMT: true, MemoryMiB: 2048, Archs: []string{"x86_64"}, Flags: []string{"aes"}, BootDiskGiB: 10}
	for b.Loop() {
		for i := range 100 {
			fit.Fit(hosts[i%len(hosts)], fit.Limits{Pool: "default", Network: "default"}, req, fit.Options{})
		}
	}
}
