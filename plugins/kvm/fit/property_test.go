package fit_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

const rounds = 1500

// Whatever is asked of whatever host, in whatever order, no promise is broken.
func TestNothingIsGivenTwice(t *testing.T) {
	for seed := range uint64(rounds) {
		sequence(t, seed)
	}
}

func FuzzNothingIsGivenTwice(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { sequence(t, seed) })
}

func sequence(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	h, limits := randomHost(r)
	if len(broken(h, limits)) > 0 {
		return // foreign domains alone are too many
	}
	for step := range 20 {
		if len(h.Guests) > 0 && r.IntN(5) == 0 {
			if i := r.IntN(len(h.Guests)); h.Guests[i].Claim != nil {
				h = without(h, i)
			}
			continue
		}
		req := randomRequest(r)
		a, reasons := fit.Fit(h, limits, req, fit.Options{})
		if len(reasons) > 0 {
			justified(t, seed, h, limits, req, reasons)
			continue
		}
		whole(t, seed, h, req, a)
		uuid := fmt.Sprintf("claim-%d", step)
		next := defined(h, uuid, a, inventory.Claimed)
		if faults := broken(next, limits); len(faults) > 0 {
			t.Fatalf("seed %d, step %d: %v after %+v", seed, step, faults, a)
		}
		if c := fit.Conflicts(next, limits, uuid); len(c) > 0 {
			t.Fatalf("seed %d, step %d: what Fit gave, Conflicts refuses: %+v", seed, step, c)
		}
		h = next
	}
}

// whole checks that an assignment is what was asked for.
func whole(t *testing.T, seed uint64, h *inventory.Host, req fit.Request, a fit.Assignment) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(a.Threads))
	if !slices.Equal(sorted, a.Units) || len(slices.Compact(sorted)) != len(a.Threads) {
		t.Fatalf("seed %d: threads %v, units %v", seed, a.Threads, a.Units)
	}
	if req.AllowSMT && len(a.Threads) != req.Slots {
		t.Fatalf("seed %d: %d slots, threads %v", seed, req.Slots, a.Threads)
	}
	cores := 0
	for _, c := range h.Cores {
		n := 0
		for _, thread := range c.Threads {
			if slices.Contains(a.Threads, thread) {
				n++
			}
		}
		if !req.AllowSMT && n != 0 && n != len(c.Threads) {
			t.Fatalf("seed %d: part of core %v", seed, c.Threads)
		}
		if n > 0 {
			cores++
		}
	}
	if !req.AllowSMT && (cores != req.Slots || a.Cores != cores) {
		t.Fatalf("seed %d: %d cores of %d", seed, cores, req.Slots)
	}
	want := 0
	for _, p := range req.PCI {
		want += p.Count
	}
	gpus := 0
	for _, d := range h.PCI {
		if slices.Contains(a.PCI, d.Address) && d.Display() {
			gpus++
		}
	}
	if gpus != want {
		t.Fatalf("seed %d: %d devices of %d: %v", seed, gpus, want, a.PCI)
	}
}

// justified checks a refusal: that there really is no room, and that what it
// proposes helps and nothing smaller does.
func justified(t *testing.T, seed uint64, h *inventory.Host, limits fit.Limits, req fit.Request, reasons []fit.Reason) {
	t.Helper()
	for _, r := range reasons {
		if r.Field == "slots" && floating(h) == 0 {
			if n := freeUnits(h, limits, req); n >= req.Slots {
				t.Fatalf("seed %d: %d units are free for %+v, and yet %+v", seed, n, req, r)
			}
		}
		if r.Relax == "" {
			continue
		}
		if left := again(h, limits, relaxed(t, req, r.Relax), r); left != "" {
			t.Fatalf("seed %d: %s does not help: %s", seed, r.Relax, left)
		}
		if smaller, ok := lessRelaxed(req, r.Relax); ok && again(h, limits, smaller, r) == "" {
			t.Fatalf("seed %d: less than %s helps too", seed, r.Relax)
		}
	}
}

// again is what is left of a reason for another request.
func again(h *inventory.Host, limits fit.Limits, req fit.Request, r fit.Reason) string {
	_, left := fit.Fit(h, limits, req, fit.Options{})
	for _, l := range left {
		if l.Field == r.Field && (l.Field != "pci" || l.Text[:9] == r.Text[:9]) {
			return l.Text
		}
	}
	return ""
}

// freeUnits counts by trial what could be added to the host one by one.
func freeUnits(h *inventory.Host, limits fit.Limits, req fit.Request) int {
	n := req.Overprovision
	if n == 0 {
		n = max(limits.DefaultOverprovision, 0)
	}
	if n == 0 {
		n = 2
	}
	free := 0
	for _, core := range h.Cores {
		units := [][]int{core.Threads}
		if req.AllowSMT {
			units = nil
			for _, t := range core.Threads {
				units = append(units, []int{t})
			}
		}
		for _, u := range units {
			next := defined(h, "trial", fit.Assignment{Units: u, WholeCores: !req.AllowSMT, Overprovision: n}, inventory.Held)
			if len(broken(next, limits)) == 0 {
				free++
			}
		}
	}
	return free
}

// relaxed applies what a reason proposes, reading it as a user would.
func relaxed(t *testing.T, req fit.Request, relax string) fit.Request {
	t.Helper()
	name, value, _ := strings.Cut(relax, "=")
	n, _ := strconv.Atoi(value)
	req.PCI = slices.Clone(req.PCI)
	switch {
	case name == "slots":
		req.Slots = n
	case name == "overprovision":
		req.Overprovision = n
	case name == "allowSMT":
		req.AllowSMT = value == "true"
	case name == "ramsize":
		req.MemoryMiB = uint64(n)
	case name == "boot_disk_gib":
		req.BootDiskGiB = uint64(n)
	case name == "reqECC":
		req.RequireECC = value == "true"
	case name == "strict":
		req.Strict = value == "true"
	case name == "tpm":
		req.TPM = value == "true"
	case name == "min_frequency":
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		req.MinFrequencyMHz = int(f*1000 + 0.5)
	case name == "flags":
		if err := json.Unmarshal([]byte(value), &req.Flags); err != nil {
			t.Fatal(err)
		}
	case name == "archs":
		var archs []string
		if err := json.Unmarshal([]byte(value), &archs); err != nil {
			t.Fatal(err)
		}
		req.Archs = []string{map[string]string{"X86_64": "x86_64", "ARM_8": "aarch64"}[archs[0]]}
	case strings.HasPrefix(name, "pci["):
		var i int
		if _, err := fmt.Sscanf(name, "pci[%d].quantity", &i); err != nil {
			t.Fatal(err)
		}
		req.PCI[i].Count = n
	default:
		t.Fatalf("relaxation %q is nothing that a user could write", relax)
	}
	return req
}

// lessRelaxed is the next smaller change, where there is one.
func lessRelaxed(req fit.Request, relax string) (fit.Request, bool) {
	name, value, _ := strings.Cut(relax, "=")
	n, _ := strconv.Atoi(value)
	switch name {
	case "slots":
		req.Slots = n + 1
	case "ramsize":
		req.MemoryMiB = uint64(n) + 1
	case "boot_disk_gib":
		req.BootDiskGiB = uint64(n) + 1
	case "overprovision":
		req.Overprovision = n - 1
	default:
		return req, false
	}
	return req, true
}

// Of two that take from the same look at a host, both see it where together
// they break something, and neither where they do not.
func TestConflictsSeeWhatIsBroken(t *testing.T) {
	clashes, peace := 0, 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 1))
		h, limits := randomHost(r)
		if len(broken(h, limits)) > 0 {
			continue
		}
		first, no := fit.Fit(h, limits, randomRequest(r), fit.Options{})
		second, no2 := fit.Fit(h, limits, randomRequest(r), fit.Options{})
		if len(no) > 0 || len(no2) > 0 {
			continue
		}
		both := defined(defined(h, "first", first, inventory.Claimed), "second", second, inventory.Claimed)
		faults := broken(both, limits)
		c1, c2 := fit.Conflicts(both, limits, "first"), fit.Conflicts(both, limits, "second")
		switch {
		case len(faults) > 0 && (len(c1) == 0 || len(c2) == 0):
			t.Fatalf("seed %d: %v, and only %v and %v are seen", seed, faults, c1, c2)
		case len(faults) > 0:
			clashes++
			if c1[0].Settled || c2[0].Settled {
				t.Fatalf("seed %d: both may yet go: %+v %+v", seed, c1, c2)
			}
		case floating(h) == 0 && (len(c1) > 0 || len(c2) > 0):
			t.Fatalf("seed %d: nothing is wrong, and %v and %v are seen", seed, c1, c2)
		default:
			peace++
		}
	}
	if clashes < rounds/20 || peace < rounds/20 {
		t.Errorf("%d clashes and %d without: the hosts are not varied enough", clashes, peace)
	}
}

func TestFiftyAskAHostThatHoldsEight(t *testing.T) {
	for _, test := range []struct {
		name  string
		cores int
		req   fit.Request
	}{
		{"whole cores", 8, fit.Request{Slots: 1, Overprovision: 1, MemoryMiB: 128}},
		{"shared cores", 4, fit.Request{Slots: 1, Overprovision: 2, MemoryMiB: 128}},
		{"threads", 4, fit.Request{Slots: 1, Overprovision: 1, AllowSMT: true, MemoryMiB: 128}},
		{"pairs of cores by default", 8, fit.Request{Slots: 2, MemoryMiB: 128}},
		{"memory", 64, fit.Request{Slots: 1, MemoryMiB: 2048}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := plain(test.cores, 2, 16<<10)
			held := 0
			for i := range 50 {
				a, reasons := fit.Fit(h, fit.Limits{}, test.req, fit.Options{})
				if len(reasons) == 0 {
					h = defined(h, fmt.Sprint(i), a, inventory.Held)
					held++
				} else if reasons[0].Text == "" {
					t.Error("a refusal without a word")
				}
			}
			if held != 8 {
				t.Errorf("%d fit", held)
			}
			if faults := broken(h, fit.Limits{}); len(faults) > 0 {
				t.Error(faults)
			}
		})
	}
}

// plain is a host of so many cores and nothing else.
func plain(cores, threads int, memory uint64) *inventory.Host {
	h := &inventory.Host{
		Name: "plain", Arch: "x86_64", MemoryTotalMiB: memory, ThreadsPerCore: threads, FlagsComplete: true,
		Accelerator: inventory.Accelerator{Kind: inventory.KVM}, Archs: []inventory.GuestArch{{Name: "x86_64"}},
	}
	cell := inventory.Cell{MemoryMiB: memory}
	for c := range cores {
		core := inventory.Core{ID: c}
		for t := range threads {
			core.Threads = append(core.Threads, c*threads+t)
		}
		cell.CPUs = append(cell.CPUs, core.Threads...)
		h.Cores = append(h.Cores, core)
	}
	h.NUMA = []inventory.Cell{cell}
	return h
}
