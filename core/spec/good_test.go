package spec_test

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

const examples = "../../examples/specs/"

// good are all files that are specs.
func good(t testing.TB) []string {
	return files(t, "testdata/good/*.json", "testdata/good/*.yaml", examples+"tiny.json", examples+"web*", examples+"*.jsonc")
}

// TestGoodSpecs compares what each spec means with the golden pledge beside it,
// and reads that pledge back.
func TestGoodSpecs(t *testing.T) {
	for _, file := range good(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p := parse(t, load(t, file), spec.Options{Name: file})
			encoded := spec.Encode(p)
			golden(t, "testdata/pledges/"+filepath.Base(file)+".pledge", string(encoded))
			if diff := cmp.Diff(p, parse(t, encoded, spec.Options{}), equalSecrets()); diff != "" && p.Login.Password.IsZero() && p.UserData.IsZero() {
				t.Errorf("the printed pledge means another (-spec +printed):\n%s", diff)
			}
		})
	}
}

// TestEncodingsMeanTheSame reads one machine in all of its encodings.
func TestEncodingsMeanTheSame(t *testing.T) {
	want := parse(t, load(t, examples+"web.json"), spec.Options{})
	if want.Slots != 2 || want.MemoryMiB != 2048 || !want.AllowSMT || want.Overprovision != 4 || len(want.PCI) != 1 || len(want.Login.SSHKeys) != 1 {
		t.Fatalf("web.json is not the machine that the others are compared with: %s", spec.Encode(want))
	}
	for _, file := range files(t, examples+"web.*") {
		if diff := cmp.Diff(want, parse(t, load(t, file), spec.Options{}), equalSecrets()); diff != "" {
			t.Errorf("%s means another machine (-web.json +this):\n%s", file, diff)
		}
	}
}

// TestVolumesOfEncodings reads a volume to be made in each of them.
func TestVolumesOfEncodings(t *testing.T) {
	const volumes = `"volumes": [{"name": "fast", "size_gib": 20, "private": true, "format": "raw"}]`
	want := []core.VolumeRequest{{Name: "fast", SizeMiB: 20 << 10, Private: true, Format: "raw"}}
	for name, text := range map[string]string{
		"flat": `{"slots": 1, ` + volumes + `}`, "template": `{"ram": {"ramsize": 512}, ` + volumes + `}`,
		"adapter": `{"mem": {"capacity": 512}, ` + volumes + `}`, "clients": `{"vm_name": "x", "ramsize": 1, ` + volumes + `}`,
		"yaml": "volumes:\n- {name: fast, size_gib: 20, private: true, format: raw}\n",
	} {
		got := parse(t, []byte(text), spec.Options{})
		if diff := cmp.Diff(want, got.Volumes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		asked := got.VolumeAsks()[0].Spec
		if diff := cmp.Diff(core.VolumeSpec{SizeBytes: 20 << 30, Private: true, Format: "raw"}, asked); diff != "" {
			t.Errorf("%s asks storage providers for (-want +got):\n%s", name, diff)
		}
	}
}

func TestNormalisation(t *testing.T) {
	tests := map[string]struct {
		spec string
		want func(p *core.Pledge)
	}{
		"nothing said": {`{}`, func(*core.Pledge) {}},
		"archs": {`{"archs": ["AARCH64", "x86_64", "amd64", "i686", "ARM_7", "riscv64", "S390x", "ppc64le"]}`, func(p *core.Pledge) {
			p.Archs = []core.Arch{"ARM_7", "ARM_8", "PPC_64", "RISCV_64", "S390X", "X86_32", "X86_64"}
		}},
		"one arch": {`{"archs": "arm64"}`, func(p *core.Pledge) { p.Archs = []core.Arch{"ARM_8"} }},
		"no archs": {`{"archs": []}`, func(*core.Pledge) {}},
		"flags": {`{"flags": ["AVX-512", "AES", "SSE4.1", "SHA-NI", "SEV", "sev-es", "AVX512-VNNI", "SSE3", "VT-x", "sse4_1", "new_flag7"]}`, func(p *core.Pledge) {
			p.Flags = []string{"aes", "avx512_vnni", "avx512f", "new_flag7", "pni", "sev", "sev_es", "sha_ni", "sse4_1", "vmx"}
		}},
		"os":        {`{"misc": {"os_family": "BSD", "os_flavour": "FreeBSD-14.1"}}`, func(p *core.Pledge) { p.OS = core.OS{Family: "bsd", Flavour: "freebsd-14.1"} }},
		"frequency": {`{"min_frequency": 2.45}`, func(p *core.Pledge) { p.MinFrequencyMHz = 2450 }},
		"exponent":  {`{"min_frequency": 245E-2, "slots": 2.0, "ramsize": 1e3}`, func(p *core.Pledge) { p.MinFrequencyMHz, p.Slots, p.MemoryMiB = 2450, 2, 1000 }},
		"pci merged": {`{"pci": [{"vendor": "10DE", "model": "1BB1"}, {"vendor": "1002", "model": "73bf", "quantity": 2}, {"vendor": "10de", "model": "1bb1", "quantity": 3}]}`, func(p *core.Pledge) {
			p.PCI = []core.PCIRequest{{Vendor: "1002", Model: "73bf", Quantity: 2}, {Vendor: "10de", Model: "1bb1", Quantity: 4}}
		}},
		"pci of adapters": {`{"mem": {"capacity": 64}, "pci": {"devices": {"10DE:1BB1": 2, "10de:1bb1": 1}}}`, func(p *core.Pledge) {
			p.MemoryMiB, p.PCI = 64, []core.PCIRequest{{Vendor: "10de", Model: "1bb1", Quantity: 3}}
		}},
		"whole cores of adapters": {`{"cpu": {"fullPhysical": true}}`, func(*core.Pledge) {}},
		"threads of adapters":     {`{"cpu": {"fullPhysical": false}}`, func(p *core.Pledge) { p.AllowSMT = true }},
		"memory of clients in GB": {`{"vm_name": "x", "ramsize": 2}`, func(p *core.Pledge) { p.Name, p.MemoryMiB = "x", 2048 }},
		"parts of a GB":           {`{"vm_name": "x", "ramsize": 1.5}`, func(p *core.Pledge) { p.Name, p.MemoryMiB = "x", 1536 }},
		"least memory of clients": {`{"vm_name": "x", "ramsize": 0.015625}`, func(p *core.Pledge) { p.Name, p.MemoryMiB = "x", 16 }},
		"clients' clock":          {`{"minimumCpuFrequency": 3.5, "autostart": true, "ramsize": 1}`, func(p *core.Pledge) { p.MinFrequencyMHz, p.Autostart, p.MemoryMiB = 3500, true, 1024 }},
		"firmware, surely MiB":    {`{"ramsize": 2048, "firmware": "EFI"}`, func(p *core.Pledge) { p.MemoryMiB, p.Firmware = 2048, "efi" }},
		"firmware, marked MiB":    {`{"ramsize": 16, "firmware": "bios", "misc": {}}`, func(p *core.Pledge) { p.MemoryMiB, p.Firmware = 16, "bios" }},
		"netdevs are networks": {`{"netdevs": [{"network_uid": "b"}], "networks": [{"network_uid": "a"}]}`, func(p *core.Pledge) {
			p.Networks = []core.NetworkRequest{{UID: "a"}, {UID: "b"}}
		}},
		"yaml ids that look like numbers": {"pci:\n- {vendor: 8086, model: 1e04}\nvolumes:\n- vid: 12345678901234567890123456789012\n", func(p *core.Pledge) {
			p.PCI = []core.PCIRequest{{Vendor: "8086", Model: "1e04", Quantity: 1}}
			p.Volumes = []core.VolumeRequest{{VID: "12345678901234567890123456789012"}}
		}},
		"yaml user data":                         {"user_data: |\n  #cloud-config\n  a: b\n", func(p *core.Pledge) { p.UserData = core.NewSecret("#cloud-config\na: b\n") }},
		"yaml of windows":                        {"\ufeff---\r\nslots: 2\r\nflags:\r\n  - AES\r\n...\r\n", func(p *core.Pledge) { p.Slots, p.Flags = 2, []string{"aes"} }},
		"yaml in braces":                         {"{slots: 2, ramsize: 1024}", func(p *core.Pledge) { p.Slots, p.MemoryMiB = 2, 1024 }},
		"byte order mark, comments at both ends": {"\ufeff// a\n/* b */{\"slots\": 2,}// c", func(p *core.Pledge) { p.Slots = 2 }},
		"what was redacted is nothing":           {`{"authentication": {"password": "[redacted]"}, "user_data": "[redacted]"}`, func(*core.Pledge) {}},
		"volume to be made": {`{"volumes": [{"name": "d", "size_gib": 0.375, "shareable": true, "readonly": true}, {"vid": "x", "readonly": true}]}`, func(p *core.Pledge) {
			p.Volumes = []core.VolumeRequest{{Name: "d", SizeMiB: 384, Shareable: true, ReadOnly: true}, {VID: "x", ReadOnly: true}}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := core.Pledge{
				Slots: 1, Archs: []core.Arch{"X86_64"}, Flags: []string{}, MemoryMiB: 512, BootDiskGiB: 10,
				PCI: []core.PCIRequest{}, Volumes: []core.VolumeRequest{}, Networks: []core.NetworkRequest{},
			}
			test.want(&want)
			if diff := cmp.Diff(want, parse(t, []byte(test.spec), spec.Options{}), equalSecrets()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPrintedPledgeIsTheSame holds for any pledge within the bounds.
func TestPrintedPledgeIsTheSame(t *testing.T) {
	const seed = 20
	random := rand.New(rand.NewPCG(seed, seed))
	for range 2000 {
		want := anyPledge(random)
		data := spec.Encode(want)
		got, err := spec.Parse(data, spec.Options{})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, data)
		}
		if diff := cmp.Diff(want, got, equalSecrets()); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s\n%s", seed, diff, data)
		}
	}
}

func anyPledge(r *rand.Rand) core.Pledge {
	on := func() bool { return r.IntN(2) == 0 }
	p := core.Pledge{
		Slots: 1 + r.IntN(256), Overprovision: r.IntN(11), AllowSMT: on(), Archs: []core.Arch{"ARM_8", "X86_64"}[r.IntN(2):],
		Flags: []string{"aes", "avx512f", "pni"}[r.IntN(4):], MinFrequencyMHz: r.IntN(5001), MemoryMiB: 16 + r.Int64N(1<<26-16), RequireECC: on(),
		PCI: []core.PCIRequest{}, Volumes: []core.VolumeRequest{}, Networks: []core.NetworkRequest{{UID: "a"}, {UID: "b"}}[r.IntN(3):],
		BootDiskGiB: 1 + r.Int64N(65536), PublicIPv4: on(), Strict: on(), TPM: on(), Autostart: on(),
		Firmware: []string{"", "bios", "efi"}[r.IntN(3)],
		OS:       core.OS{Family: []string{"", "linux", "windows", "macos", "bsd"}[r.IntN(5)], Flavour: []string{"", "debian"}[r.IntN(2)]},
		Name:     []string{"", "web-1", "a"}[r.IntN(3)], Description: []string{"", "line\nline \u2028 \"quoted\" <b>"}[r.IntN(2)],
	}
	keys := []string{
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ada@example",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
	}
	if n := r.IntN(3); n > 0 {
		p.Login = core.Login{Username: "ada", SSHKeys: keys[:n]}
	}
	if on() {
		p.PCI = append(p.PCI, core.PCIRequest{Vendor: "10de", Model: "1bb1", Quantity: 1 + r.IntN(64)})
	}
	if on() {
		bootable := on()
		p.Volumes = append(p.Volumes, core.VolumeRequest{VID: "0123", ReadOnly: on()}, core.VolumeRequest{
			Name: "data", SizeMiB: 128 * (1 + r.Int64N(1<<19)), Bootable: bootable, Shareable: !bootable && on(), ReadOnly: on(), Volatile: on(),
			Private: on(), Format: []string{"", "raw", "qcow2"}[r.IntN(3)],
		})
		if v := &p.Volumes[1]; v.Shareable {
			v.Format = ""
		}
	}
	return p
}

// TestPrintedPledgeIsStandardJSON keeps other programs able to read it.
func TestPrintedPledgeIsStandardJSON(t *testing.T) {
	p := parse(t, []byte(`{"authentication": {"password": "hunter2"}, "user_data": "hunter2"}`), spec.Options{})
	if p.Login.Password.Reveal() != "hunter2" || p.UserData.Reveal() != "hunter2" {
		t.Error("the secrets were not read")
	}
	var flat map[string]any
	if err := json.Unmarshal(spec.Encode(p), &flat); err != nil {
		t.Fatal(err)
	}
	if flat["user_data"] != "[redacted]" || flat["authentication"].(map[string]any)["password"] != "[redacted]" {
		t.Errorf("the printed pledge shows secrets: %v", flat)
	}
}

func parse(t testing.TB, data []byte, opts spec.Options) core.Pledge {
	t.Helper()
	p, err := spec.Parse(data, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
