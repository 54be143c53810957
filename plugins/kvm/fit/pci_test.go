package fit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/inventory/inventorytest"
)

func TestPCI(t *testing.T) {
	type ask = []fit.PCIRequest
	for _, test := range []struct {
		name string
		ask  ask
		want string // addresses, or the reason
	}{
		{"a GPU with its sound", ask{{"10de", "1bb1", 1}}, "0000:02:00.0 0000:02:00.1"},
		{"sound of another group comes too", ask{{"10de", "1bb1", 2}}, "0000:02:00.0 0000:02:00.1 0000:04:00.0 0000:04:00.1"},
		{"in two entries", ask{{"10de", "1bb1", 1}, {"10de", "1bb1", 1}}, "0000:02:00.0 0000:02:00.1 0000:04:00.0 0000:04:00.1"},
		{"two are held", ask{{"10de", "1bb1", 3}}, "no 2 of the host's 4 can be passed: 0000:01:00.0 is held by domain"},
		{"not there", ask{{"dead", "beef", 1}}, "no dead:beef: the host has none"},
		{"shares its group with the host", ask{{"10de", "1eb8", 1}}, "no 0000:06:00.0 (igb), of the same IOMMU group, is in use by the host"},
		{"no group", ask{{"1002", "73bf", 1}}, "no 0000:07:00.0 has no IOMMU group"},
		{"one port of a card would take the other along", ask{{"15b3", "1017", 1}}, "no 0000:08:00.1 (mlx5_core), of the same IOMMU group, is in use"},
		{"both ports", ask{{"15b3", "1017", 2}}, "0000:08:00.0 0000:08:00.1"},
		{"a group of two, both asked", ask{{"1da3", "1000", 2}, {"10de", "1bb1", 1}}, "0000:02:00.0 0000:02:00.1 0000:09:00.0 0000:0a:00.0"},
		{"a group of two, one asked", ask{{"1da3", "1000", 1}}, "no 0 of the host's 2"},
		{"a bridge", ask{{"1022", "1483", 1}}, "no 0000:00:01.1 is a bridge"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := inventorytest.Host(t, "gpu")
			a, reasons := fit.Fit(h, fit.Limits{}, fit.Request{Slots: 1, PCI: test.ask}, fit.Options{})
			if want, no := strings.CutPrefix(test.want, "no "); no {
				if len(reasons) != 1 || reasons[0].Field != "pci" || !strings.Contains(reasons[0].Text, want) {
					t.Errorf("%v %+v", a.PCI, reasons)
				}
				return
			}
			var got []string
			for _, p := range a.PCI {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s %+v", diff, reasons)
			}
		})
	}
}

func TestPCIIsGivenOnce(t *testing.T) {
	h := inventorytest.Host(t, "gpu")
	req := fit.Request{Slots: 1, PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: 1}}}
	given := map[inventory.Address]bool{}
	for i := range 5 {
		a, reasons := fit.Fit(h, fit.Limits{}, req, fit.Options{})
		if (len(reasons) == 0) != (i < 2) {
			t.Fatalf("request %d: %v %+v", i, a.PCI, reasons)
		}
		for _, p := range a.PCI {
			if given[p] {
				t.Errorf("%s is given twice", p)
			}
			given[p] = true
		}
		if len(reasons) == 0 {
			h = defined(h, fmt.Sprint(i), a, inventory.Claimed)
		}
	}
	if r := refuse(t, inventorytest.Host(t, "gpu"), fit.Limits{}, fit.Request{Slots: 1, PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: 4}}})["pci"]; r.Relax != "pci[0].quantity=2" {
		t.Errorf("%+v", r)
	}
}

func TestSoundWithoutAGroupStays(t *testing.T) {
	h := inventorytest.Host(t, "gpu")
	for i := range h.PCI {
		if h.PCI[i].Audio() && h.PCI[i].IOMMUGroup == 23 {
			h.PCI[i].IOMMUGroup = -1
		}
	}
	a := give(t, h, fit.Limits{}, fit.Request{Slots: 1, PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: 2}}})
	if slices.Contains(a.PCI, inventory.Address{Bus: 4, Function: 1}) || len(a.PCI) != 3 {
		t.Errorf("%v", a.PCI)
	}
}

func TestManyGroupsDoNotTakeForEver(t *testing.T) {
	h := plain(2, 1, 8192)
	for i := range 400 { // pairs: an odd number cannot be had
		h.PCI = append(h.PCI, inventory.Device{
			Address: inventory.Address{Bus: uint32(i)}, Vendor: "10de", Model: []string{"1bb1", "1eb8"}[i/2%2], IOMMUGroup: i / 2, Driver: "nouveau",
		})
	}
	refuse(t, h, fit.Limits{}, fit.Request{Slots: 1, PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: 31}, {Vendor: "10de", Model: "1eb8", Count: 31}}})
	a := give(t, h, fit.Limits{}, fit.Request{Slots: 1, PCI: []fit.PCIRequest{{Vendor: "10de", Model: "1bb1", Count: 30}, {Vendor: "10de", Model: "1eb8", Count: 30}}})
	if len(a.PCI) != 60 || !slices.IsSortedFunc(a.PCI, inventory.Address.Compare) {
		t.Errorf("%v", a.PCI)
	}
}
