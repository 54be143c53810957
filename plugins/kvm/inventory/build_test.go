package inventory_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/inventory/inventorytest"
)

var update = flag.Bool("update", false, "write golden files")

func TestBuildGolden(t *testing.T) {
	for _, name := range inventorytest.Names() {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(inventorytest.Host(t, name), "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			file := filepath.Join("testdata", name+".golden.json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Error(cmp.Diff(string(want), string(got)))
			}
		})
	}
}

func TestBuildReadsTopology(t *testing.T) {
	h := inventorytest.Host(t, "smt")
	if h.Sockets != 2 || len(h.Cores) != 16 || h.ThreadsPerCore != 2 || len(h.NUMA) != 2 {
		t.Fatalf("sockets %d, cores %d, threads %d, nodes %d", h.Sockets, len(h.Cores), h.ThreadsPerCore, len(h.NUMA))
	}
	if c := h.Cores[9]; c.Socket != 1 || c.Node != 1 || c.ID != 1 || !slices.Equal(c.Threads, []int{9, 25}) {
		t.Errorf("core 9: %+v", c)
	}
	if h.BaseMHz != 2100 || h.MaxMHz != 3000 || h.ECC != inventory.Unknown {
		t.Errorf("clocks %d and %d, ecc %v", h.BaseMHz, h.MaxMHz, h.ECC)
	}
	if small := inventorytest.Host(t, "gpu"); small.BaseMHz != 2800 {
		t.Errorf("base clock by the time stamp counter: %d", small.BaseMHz)
	}
	if h.MemoryTotalMiB != 128000 {
		t.Errorf("memory %d", h.MemoryTotalMiB)
	}
}

func TestBuildLeavesOutCPUsThatAreOffline(t *testing.T) {
	src := inventorytest.Source(t, "smt")
	src.Capabilities = strings.Replace(src.Capabilities, "<cpu id='23' socket_id='0' die_id='0' core_id='7' siblings='7,23'/>", "<cpu id='23'/>", 1)
	src.Capabilities = strings.Replace(src.Capabilities, "siblings='7,23'", "siblings='7'", 1)
	h, err := inventory.Build(src)
	if err != nil {
		t.Fatal(err)
	}
	if c := h.Cores[7]; !slices.Equal(c.Threads, []int{7}) {
		t.Errorf("core 7: %+v", c)
	}
	for _, c := range h.Cores {
		if slices.Contains(c.Threads, 23) {
			t.Errorf("thread 23 is offline and in core %+v", c)
		}
	}
}

func TestAccelerator(t *testing.T) {
	vmxGone := func(s *inventory.Source) {
		s.Capabilities = strings.ReplaceAll(s.Capabilities, "<feature name='vmx'/>", "")
	}
	for _, test := range []struct {
		name, host string
		setting    inventory.AcceleratorSetting
		change     func(*inventory.Source)
		want       inventory.AcceleratorKind
		reason     string
	}{
		{"vmx", "smt", "", nil, inventory.KVM, "vmx"},
		{"svm in the expanded processor", "gpu", inventory.AcceleratorAuto, nil, inventory.KVM, "svm"},
		{"svm by the model", "small", "auto", nil, inventory.KVM, "svm"},
		{"arm", "arm64", "auto", nil, inventory.KVM, "libvirt"},
		{"paravirtual kvm", "lab", "auto", nil, inventory.NoAccelerator, "neither vmx nor svm"},
		{"paravirtual kvm, forced", "lab", "kvm", nil, inventory.KVM, "configured"},
		{"emulation where asked", "lab", "tcg", nil, inventory.TCG, "configured"},
		{"emulation is never chosen", "smt", "auto", vmxGone, inventory.NoAccelerator, "neither"},
		{"no /dev/kvm", "smt", "auto", func(s *inventory.Source) {
			s.Capabilities = strings.ReplaceAll(s.Capabilities, "<domain type='kvm'/>", "")
			s.DomainCapabilities = s.DomainCapabilities[1:]
		}, inventory.NoAccelerator, "/dev/kvm"},
		{"the test driver", "smt", "auto", func(s *inventory.Source) {
			s.Capabilities = strings.ReplaceAll(s.Capabilities, "<domain type='kvm'/>", "<domain type='test'/>")
		}, inventory.TestDriver, "nothing runs"},
		{"unknown setting", "smt", "xen", nil, inventory.NoAccelerator, "xen"},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := inventorytest.Source(t, test.host)
			src.Accelerator = test.setting
			if test.change != nil {
				test.change(&src)
			}
			h, err := inventory.Build(src)
			if err != nil {
				t.Fatal(err)
			}
			if h.Accelerator.Kind != test.want || !strings.Contains(h.Accelerator.Reason, test.reason) {
				t.Errorf("%+v, want %s because of %q", h.Accelerator, test.want, test.reason)
			}
		})
	}
}

func TestFlagsAreThoseOfTheAcceleratorInUse(t *testing.T) {
	src := inventorytest.Source(t, "lab")
	src.Accelerator = inventory.AcceleratorTCG
	tcg, err := inventory.Build(src)
	if err != nil {
		t.Fatal(err)
	}
	src.Accelerator = inventory.AcceleratorKVM
	kvm, err := inventory.Build(src)
	if err != nil {
		t.Fatal(err)
	}
	if !tcg.FlagsComplete || !kvm.FlagsComplete {
		t.Error("expanded CPUs are complete")
	}
	if !tcg.Flags.Has("3dnow") || kvm.Flags.Has("3dnow") {
		t.Error("3dnow is emulated and the processor has it not")
	}
	if tcg.Flags.Has("3dnowprefetch") {
		t.Error("3dnowprefetch is disabled in the emulated CPU")
	}
	if name, _ := inventorytest.Host(t, "smt").Flags.Libvirt("sse4_1"); name != "sse4.1" {
		t.Errorf("sse4_1 is %q in libvirt", name)
	}
	if !inventorytest.Host(t, "smt").Flags.Has("PCLMULQDQ") {
		t.Error("pclmulqdq is libvirt's pclmuldq")
	}
	small := inventorytest.Host(t, "small")
	if small.FlagsComplete || !small.Flags.Has("tsc_deadline_timer") {
		t.Error("without an expanded CPU what is listed is there, and the rest unknown")
	}
	arm := inventorytest.Host(t, "arm64")
	if !arm.FlagsComplete || !arm.Flags.Has("asimd") {
		t.Error("outside x86 the capabilities list everything")
	}
}

func TestGuests(t *testing.T) {
	h := inventorytest.Host(t, "smt")
	web, _ := h.Guest("11111111-0000-4000-8000-000000000001")
	if web == nil || web.Claim == nil || web.Claim.Name != "web1" || !slices.Equal(web.Claim.Units, []int{2, 3, 18, 19}) || !web.Claim.WholeCores {
		t.Fatalf("claim of web1: %+v", web)
	}
	pinned, _ := h.Guest("11111111-0000-4000-8000-000000000002")
	if diff := cmp.Diff([][]int{{4, 5}, {21}}, pinned.Pins); diff != "" || !pinned.Pinned() || pinned.Claim != nil {
		t.Errorf("pinned: %s", diff)
	}
	floating, _ := h.Guest("11111111-0000-4000-8000-000000000003")
	if floating.Pinned() || floating.VCPUs != 3 || !floating.Counts() {
		t.Errorf("floating: %+v", floating)
	}
	if off, _ := h.Guest("11111111-0000-4000-8000-000000000004"); off.Counts() {
		t.Error("a foreign domain that is shut off counts")
	}
}

func TestBrokenPiecesCostOnlyThemselves(t *testing.T) {
	whole := inventorytest.Host(t, "gpu")
	src := inventorytest.Source(t, "gpu")
	broken := []string{"", "<", "<domain", "not xml", "<a>&undefined;</a>", "<pool/>", "\x00\xff", "<device><capability type='pci'><bus>x</bus></capability></device>"}
	for i, text := range broken {
		src.NodeDevices = append(src.NodeDevices, text)
		src.DomainCapabilities = append(src.DomainCapabilities, text)
		src.Pools = append(src.Pools, inventory.PoolSource{Name: "broken", XML: text, Active: true, Volumes: []string{text}})
		src.Networks = append(src.Networks, inventory.NetworkSource{Name: "broken", XML: text})
		src.GuestCPUs = append([]inventory.GuestCPUSource{{VirtType: "kvm", Arch: "x86_64", XML: text}}, src.GuestCPUs...)
		src.Domains = append(src.Domains, inventory.DomainSource{UUID: "broken-" + string(rune('a'+i)), XML: text, Active: i%2 == 0})
	}
	src.Sysinfo = "<sysinfo"
	h, err := inventory.Build(src)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Warnings) < 5*len(broken) {
		t.Errorf("%d warnings: %q", len(h.Warnings), h.Warnings)
	}
	if diff := cmp.Diff(whole.PCI, h.PCI); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(whole.Flags, h.Flags); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(whole.Cores, h.Cores); diff != "" {
		t.Error(diff)
	}
	if p, ok := h.Pool("default"); !ok || p.FreeMiB == 0 {
		t.Error("the pool default is lost")
	}
	for _, g := range h.Guests {
		if strings.HasPrefix(g.UUID, "broken") && (!g.Damaged || !g.Counts()) {
			t.Errorf("domain %s cannot be read and does not count", g.UUID)
		}
	}
}

func TestNoCapabilitiesIsAnError(t *testing.T) {
	for _, text := range []string{"", "<capabilities>", "<domain/>"} {
		if h, err := inventory.Build(inventory.Source{Name: "x", Capabilities: text}); err == nil {
			t.Errorf("%q: %+v", text, h)
		}
	}
}

func TestDevices(t *testing.T) {
	h := inventorytest.Host(t, "gpu")
	find := func(address string) inventory.Device {
		a, err := inventory.ParseAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(h.PCI, func(d inventory.Device) bool { return d.Address == a })
		if i < 0 {
			t.Fatalf("no device %s", address)
		}
		return h.PCI[i]
	}
	d := find("0000:01:00.0")
	if d.Vendor != "10de" || d.Model != "1bb1" || !d.Display() || d.IOMMUGroup != 10 || d.Driver != "nouveau" || d.HeldBy == "" {
		t.Errorf("%+v", d)
	}
	if !find("0000:02:00.1").Audio() || !find("0000:00:01.1").Bridge() {
		t.Error("classes")
	}
	if find("0000:03:00.0").HeldBy != "11111111-0000-4000-8000-000000000002" {
		t.Error("a domain that is shut off keeps its device")
	}
	if find("0000:07:00.0").IOMMUGroup != -1 {
		t.Error("no group")
	}
}

func BenchmarkBuild100Hosts(b *testing.B) {
	var sources []inventory.Source
	for _, name := range inventorytest.Names() {
		sources = append(sources, inventorytest.Source(b, name))
	}
	for b.Loop() {
		for i := range 100 {
			if _, err := inventory.Build(sources[i%len(sources)]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func FuzzBuild(f *testing.F) {
	for _, name := range []string{"smt", "small"} {
		src := inventorytest.Source(f, name)
		dom := "<domain/>"
		if len(src.Domains) > 0 {
			dom = src.Domains[0].XML
		}
		f.Add(src.Capabilities, src.DomainCapabilities[0], src.Sysinfo, dom, src.Pools[0].XML)
	}
	f.Add(inventorytest.Source(f, "small").Capabilities, "", "", "<domain><memory unit='TiB'>18446744073709551615</memory><vcpu cpuset='0-65535,^1'>4096</vcpu></domain>", inventorytest.Source(f, "gpu").NodeDevices[0])
	f.Fuzz(func(t *testing.T, capabilities, domcaps, sysinfo, domain, other string) {
		h, err := inventory.Build(inventory.Source{
			Capabilities: capabilities, DomainCapabilities: []string{domcaps}, Sysinfo: sysinfo, HostCPU: domcaps,
			GuestCPUs:   []inventory.GuestCPUSource{{VirtType: "kvm", Arch: "x86_64", XML: other}},
			NodeDevices: []string{other, domcaps}, Domains: []inventory.DomainSource{{XML: domain, Active: true}},
			Pools: []inventory.PoolSource{{XML: other, Volumes: []string{other}}}, Networks: []inventory.NetworkSource{{XML: other}},
		})
		if err != nil {
			return
		}
		seen := map[int]bool{}
		for _, c := range h.Cores {
			if len(c.Threads) == 0 {
				t.Error("a core without threads")
			}
			for _, thread := range c.Threads {
				if seen[thread] {
					t.Errorf("thread %d is in two cores", thread)
				}
				seen[thread] = true
			}
		}
		for _, g := range h.Guests {
			if len(g.Pins) != 0 && len(g.Pins) != g.VCPUs {
				t.Errorf("%d pins of %d vCPUs", len(g.Pins), g.VCPUs)
			}
		}
	})
}

func TestTheRunningDomainHasTheDevice(t *testing.T) {
	src := inventorytest.Source(t, "gpu")
	stolen := src.Domains[0] // render, which runs
	stolen.Active, stolen.Name = false, "aaa"
	stolen.XML = strings.ReplaceAll(stolen.XML, "000000000001</uuid>", "000000000000</uuid>")
	src.Domains = append(src.Domains, stolen)
	h, err := inventory.Build(src)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(h.PCI, func(d inventory.Device) bool { return d.Address == inventory.Address{Bus: 1} })
	if h.PCI[i].HeldBy != "11111111-0000-4000-8000-000000000001" {
		t.Errorf("%+v", h.PCI[i])
	}
}

func TestClaimOfTheDefinitionCountsToo(t *testing.T) {
	src := inventorytest.Source(t, "smt")
	live := &src.Domains[0]
	live.InactiveXML = live.XML
	live.XML = strings.Replace(live.XML, inventory.Namespace, "urn:gone", 1)
	h, err := inventory.Build(src)
	if err != nil {
		t.Fatal(err)
	}
	if g, _ := h.Guest("11111111-0000-4000-8000-000000000001"); g.Claim == nil || g.Claim.Key != "k1" {
		t.Errorf("%+v", g)
	}
}

func TestHostThatDoesNotSayWhichThreadsShareACore(t *testing.T) {
	bare := `<capabilities><host><cpu><arch>x86_64</arch><topology sockets='1' cores='2' threads='%'/></cpu>
		<topology><cells><cell id='0'><cpus><cpu id='0'/><cpu id='1'/></cpus></cell></cells></topology></host></capabilities>`
	for threads, cores := range map[string]int{"1": 2, "2": 0} {
		h, err := inventory.Build(inventory.Source{Capabilities: strings.Replace(bare, "%", threads, 1)})
		if err != nil {
			t.Fatal(err)
		}
		if len(h.Cores) != cores || (cores == 0 && len(h.Warnings) == 0) {
			t.Errorf("%s threads a core: %+v, %q", threads, h.Cores, h.Warnings)
		}
	}
}

// A domain whose text is the same is not read again, and what is made of it is equal.
func TestReadings(t *testing.T) {
	src := inventorytest.Source(t, "smt")
	src.Domains = append(src.Domains, inventory.DomainSource{UUID: "odd", Name: "odd", XML: "<domain"})
	hw, err := inventory.ReadHardware(src)
	if err != nil {
		t.Fatal(err)
	}
	plain := hw.Host(src)
	src.Readings = new(inventory.Readings)
	if diff := cmp.Diff(plain, hw.Host(src)); diff != "" {
		t.Error(diff)
	}
	again := hw.Host(src)
	if diff := cmp.Diff(plain, again); diff != "" {
		t.Errorf("the second time: %s", diff)
	}
	changed := &src.Domains[0]
	changed.XML = strings.ReplaceAll(changed.XML, "web1", "web9")
	if g, _ := hw.Host(src).Guest("11111111-0000-4000-8000-000000000001"); g == nil || g.Claim == nil || g.Claim.Name != "web9" {
		t.Errorf("changed: %+v", g)
	}
	known := testing.AllocsPerRun(1, func() { hw.Host(src) })
	src.Readings = nil
	if unknown := testing.AllocsPerRun(1, func() { hw.Host(src) }); known > unknown/2 {
		t.Errorf("%.0f allocations for domains that are known, %.0f for others", known, unknown)
	}
}
