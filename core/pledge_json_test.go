package core_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mesoncloud/meson/core"
)

func TestPledgeJSONIsTheFlatEncoding(t *testing.T) {
	p := core.Pledge{
		Slots: 2, Archs: []core.Arch{core.ArchX8664}, MinFrequencyMHz: 2450, MemoryMiB: 2048,
		Volumes:     []core.VolumeRequest{{VID: "a1"}, {Name: "data", SizeMiB: 640, Volatile: true}},
		Login:       core.Login{Username: "ada", Password: core.NewSecret("hunter2"), SSHKeys: []string{"ssh-ed25519 AAAA"}},
		BootDiskGiB: 10,
		UserData:    core.NewSecret("#cloud-config"),
	}
	got, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"slots":2,"allowSMT":false,"archs":["X86_64"],"flags":[],"ramsize":2048,"reqECC":false,"misc":{},"pci":[],` +
		`"volumes":[{"vid":"a1"},{"name":"data","volatile":true,"size_gib":0.625}],"networks":[],` +
		`"authentication":{"username":"ada","password":"[redacted]","ssh-key":"ssh-ed25519 AAAA"},` +
		`"boot_disk_gib":10,"public_ipv4":false,"strict":false,"user_data":"[redacted]","min_frequency":2.45}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestPledgeJSONComesBack(t *testing.T) {
	for name, login := range map[string]core.Login{
		"no key":   {Username: "ada"},
		"one key":  {SSHKeys: []string{"ssh-ed25519 AAAA"}},
		"two keys": {SSHKeys: []string{"ssh-ed25519 AAAA", "ssh-rsa BBBB"}},
	} {
		t.Run(name, func(t *testing.T) {
			want := core.Pledge{
				Name: "web", Slots: 4, Overprovision: 2, AllowSMT: true, Archs: []core.Arch{core.ArchARM8}, Flags: []string{"aes"},
				MinFrequencyMHz: 1, MemoryMiB: 16, PCI: []core.PCIRequest{{Vendor: "10de", Model: "1bb1", Quantity: 2}},
				Volumes: []core.VolumeRequest{{Name: "x", SizeMiB: 128}, {Name: "y", SizeMiB: 1 << 26}},
				Login:   login, Networks: []core.NetworkRequest{{UID: "n"}}, Firmware: "efi", TPM: true, Autostart: true,
			}
			data, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			var got core.Pledge
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(core.Secret{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPledgeJSONRefusesInexactNumbers(t *testing.T) {
	for _, text := range []string{
		`{"min_frequency":2.4567}`, `{"min_frequency":"2"}`, `{"min_frequency":1e400}`, `{"min_frequency":null}`,
		`{"volumes":[{"size_gib":0.0001}]}`, `{"min_frequency":` + strings.Repeat("9", 60) + `}`,
	} {
		var p core.Pledge
		if err := json.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("%s was read as %d MHz", text, p.MinFrequencyMHz)
		}
	}
}
