package fit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// maxSearch bounds the search for IOMMU groups that together have exactly what
// is asked.
const maxSearch = 20_000

// bus is a host's PCI devices as they can be passed: IOMMU group by group, since
// the kernel passes no device while a driver of the host has another of its
// group.
type bus struct {
	all    []inventory.Device
	groups map[int][]inventory.Device // bridges left out
	held   map[inventory.Address]string
}

func newBus(h *inventory.Host, guests []inventory.Guest) *bus {
	b := &bus{all: h.PCI, groups: map[int][]inventory.Device{}, held: map[inventory.Address]string{}}
	for _, d := range h.PCI {
		if d.IOMMUGroup >= 0 && !d.Bridge() {
			b.groups[d.IOMMUGroup] = append(b.groups[d.IOMMUGroup], d)
		}
	}
	// A domain that is shut off, whoever's it is, keeps what it names.
	for _, g := range guests {
		for _, a := range g.PCI {
			b.held[a] = g.UUID
		}
	}
	return b
}

// model is how people write one.
func model(vendor, device string) string { return vendor + ":" + device }

// wants sums what is asked, by model.
func wants(req []PCIRequest) map[string]int {
	out := map[string]int{}
	for _, r := range req {
		out[model(r.Vendor, r.Model)] += max(r.Count, 1)
	}
	return out
}

// bundle is what comes when some of a group's asked devices are passed.
type bundle struct {
	gives map[string]int
	takes []inventory.Address
}

// choose finds exactly what is asked, with the functions that come along.
func (b *bus) choose(want map[string]int) ([]inventory.Address, bool) {
	if len(want) == 0 {
		return nil, true
	}
	var options [][]bundle
	for _, id := range slices.Sorted(maps.Keys(b.groups)) {
		if o := b.bundles(b.groups[id], want); len(o) > 0 {
			options = append(options, o)
		}
	}
	s := search{options: options, models: slices.Sorted(maps.Keys(want)), seen: map[string]bool{}}
	if !s.find(0, maps.Clone(want)) {
		return nil, false
	}
	slices.SortFunc(s.taken, inventory.Address.Compare)
	return slices.Compact(s.taken), true
}

// bundles are the ways in which a group can give something that is asked.
func (b *bus) bundles(group []inventory.Device, want map[string]int) []bundle {
	var asked []inventory.Device
	for _, d := range group {
		if want[model(d.Vendor, d.Model)] > 0 {
			asked = append(asked, d)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	whole, why := b.bundle(group, asked)
	if why != "" {
		return nil
	}
	out := []bundle{whole}
	// Fewer, where those left behind have no driver that would be in the way.
	for k := len(asked) - 1; k > 0; k-- {
		if part, why := b.bundle(group, asked[:k]); why == "" {
			out = append(out, part)
		}
	}
	return out
}

// bundle takes the given devices out of their group, or says why they cannot be
// passed.
func (b *bus) bundle(group, devices []inventory.Device) (bundle, string) {
	out := bundle{gives: map[string]int{}}
	for _, d := range devices {
		if by := b.held[d.Address]; by != "" {
			return bundle{}, fmt.Sprintf("%s is held by domain %s", d.Address, by)
		}
		out.gives[model(d.Vendor, d.Model)]++
		out.takes = append(out.takes, d.Address)
		for _, c := range b.companions(d) {
			out.takes = append(out.takes, c.Address)
		}
	}
	for _, other := range b.concerned(group, out.takes) {
		if by := b.held[other.Address]; by != "" {
			return bundle{}, fmt.Sprintf("%s, of the same IOMMU group, is held by domain %s", other.Address, by)
		}
		if !slices.Contains(out.takes, other.Address) && !inert(other) {
			return bundle{}, fmt.Sprintf("%s (%s), of the same IOMMU group, is in use by the host", other.Address, other.Driver)
		}
	}
	return out, ""
}

// concerned are all devices of the groups that the addresses are in.
func (b *bus) concerned(group []inventory.Device, takes []inventory.Address) []inventory.Device {
	out := slices.Clone(group)
	for _, d := range b.all {
		if !slices.Contains(takes, d.Address) || d.IOMMUGroup < 0 || d.IOMMUGroup == group[0].IOMMUGroup {
			continue
		}
		out = append(out, b.groups[d.IOMMUGroup]...)
	}
	return out
}

// companions are the functions that go with a GPU: its own sound, and what else
// of it (its USB controller) sits in its group. Functions of other devices, such
// as the second port of a network card, never come along.
func (b *bus) companions(d inventory.Device) []inventory.Device {
	if !d.Display() {
		return nil
	}
	var out []inventory.Device
	for _, c := range b.all {
		own := c.Address.SameSlot(d.Address) && c.Address != d.Address && !c.Bridge() && c.IOMMUGroup >= 0
		if own && (c.Audio() || c.IOMMUGroup == d.IOMMUGroup) && !c.Display() {
			out = append(out, c)
		}
	}
	return out
}

// inert reports whether a device that is left behind leaves its group viable.
func inert(d inventory.Device) bool {
	return d.Driver == "" || d.Driver == "vfio-pci" || d.Driver == "pci-stub"
}

// search looks for one bundle a group at most, summing up to what is left.
type search struct {
	options [][]bundle
	models  []string
	seen    map[string]bool // dead ends
	taken   []inventory.Address
}

func (s *search) find(at int, left map[string]int) bool {
	open := false
	for _, n := range left {
		open = open || n > 0
	}
	if !open {
		return true
	}
	key := s.key(at, left)
	if at == len(s.options) || s.seen[key] || len(s.seen) > maxSearch {
		return false
	}
	for _, o := range s.options[at] {
		next, ok := subtract(left, o.gives)
		if !ok {
			continue
		}
		mark := len(s.taken)
		s.taken = append(s.taken, o.takes...)
		if s.find(at+1, next) {
			return true
		}
		s.taken = s.taken[:mark]
	}
	if s.find(at+1, left) {
		return true
	}
	s.seen[key] = true
	return false
}

func (s *search) key(at int, left map[string]int) string {
	var b strings.Builder
	fmt.Fprint(&b, at)
	for _, m := range s.models {
		fmt.Fprint(&b, " ", left[m])
	}
	return b.String()
}

func subtract(left, gives map[string]int) (map[string]int, bool) {
	next := maps.Clone(left)
	for m, n := range gives {
		if next[m] -= n; next[m] < 0 {
			return nil, false
		}
	}
	return next, true
}

// survey says how it stands with one model.
func (b *bus) survey(want string) (have int, why []string) {
	for _, d := range b.all {
		if model(d.Vendor, d.Model) != want {
			continue
		}
		have++
		switch {
		case b.held[d.Address] != "":
			why = append(why, fmt.Sprintf("%s is held by domain %s", d.Address, b.held[d.Address]))
		case d.IOMMUGroup < 0:
			why = append(why, fmt.Sprintf("%s has no IOMMU group", d.Address))
		case d.Bridge():
			why = append(why, fmt.Sprintf("%s is a bridge", d.Address))
		default:
			if _, reason := b.bundle(b.groups[d.IOMMUGroup], []inventory.Device{d}); reason != "" {
				why = append(why, fmt.Sprintf("%s cannot be passed: %s", d.Address, reason))
			}
		}
	}
	slices.SortFunc(why, cmp.Compare[string])
	return have, why
}
