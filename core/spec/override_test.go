package spec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

func TestSetsOverrideTheFile(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ada, at home"
	for _, file := range []string{"web.json", "web.template.json", "web.adapter.json", "web.gui.json", "web.yaml"} {
		want := parse(t, load(t, examples+file), spec.Options{})
		got := parse(t, load(t, examples+file), spec.Options{Sets: []string{
			"slots=3", " slots = 4 ", "description=true", "ramsize=4096", "min_frequency=2.5", "allowSMT=false", "name=123", "misc.os_family=BSD", "misc.os_flavour=",
			"archs=arm64, x86_64", "flags=AES,avx2", "pci=1002:73bf:2,8086:1e04", "volumes=a,7", "networks=", "authentication.ssh-key=" + key,
			"strict=true", "boot_disk_gib=20",
		}})
		want.Slots, want.MemoryMiB, want.MinFrequencyMHz, want.AllowSMT, want.Name = 4, 4096, 2500, false, "123"
		want.Description = "true"
		want.OS = core.OS{Family: "bsd"}
		want.Archs, want.Flags = []core.Arch{"ARM_8", "X86_64"}, []string{"aes", "avx2"}
		want.PCI = []core.PCIRequest{{Vendor: "1002", Model: "73bf", Quantity: 2}, {Vendor: "8086", Model: "1e04", Quantity: 1}}
		want.Volumes, want.Networks = []core.VolumeRequest{{VID: "a"}, {VID: "7"}}, []core.NetworkRequest{}
		want.Login.SSHKeys = []string{key}
		want.Strict, want.BootDiskGiB = true, 20
		if diff := cmp.Diff(want, got, equalSecrets()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// TestSetsInJSON: what a reason says would fit is taken as it is printed.
func TestSetsInJSON(t *testing.T) {
	got := parse(t, []byte(`{"archs": ["ARM_8"], "flags": ["avx2"], "volumes": [{"vid": "1"}], "pci": []}`), spec.Options{Sets: []string{
		`archs=["X86_64", "ARM_7"]`, "flags=[]", "volumes=[]", `pci=[{"vendor": "8086", "model": "1e04"}]`,
	}})
	want := parse(t, []byte(`{"archs": ["X86_64", "ARM_7"], "pci": [{"vendor": "8086", "model": "1e04"}]}`), spec.Options{})
	if diff := cmp.Diff(want, got, equalSecrets()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWrongSets(t *testing.T) {
	tests := map[string]string{
		"slots=two":                       `--set slots: "two" is not a number`,
		"slots":                           "--set slots: has no value: want slots=VALUE",
		"slots=":                          "--set slots: \"\" is not a number",
		"slot=2":                          "did you mean `slots`",
		"os_family=linux":                 "did you mean `misc.os_family`",
		"vm_name=x":                       "--set vm_name: unknown key `vm_name`: did you mean `name`?",
		"mem.capacity=1":                  "did you mean `ramsize`?",
		"misc=linux":                      "set misc.os_family or misc.os_flavour",
		"allowSMT=yes":                    "want true or false",
		"archs=X86_64,Z80":                `--set archs[1]: "Z80" is no architecture`,
		`flags=[1,[2]]`:                   `--set flags[0]: `,
		"flags=[avx2]":                    `--set flags[0]: "[avx2]" is no CPU flag`,
		"pci=10de":                        `--set pci[0].model: "" is empty`,
		"authentication.password=hunter2": "a secret is not set on the command line",
		"user_data=hunter2":               "a secret is not set on the command line",
		"=":                               "unknown key ``",
		strings.Repeat("x", 1000) + "=1":  "unknown key `xxx",
	}
	for set, want := range tests {
		_, err := spec.Parse([]byte(`{"slots": 0}`), spec.Options{Sets: []string{set}})
		if text := told(t, err); !strings.Contains(text, want) || !strings.Contains(text, ": slots: 0 is out of range") {
			t.Errorf("%.40s: faults\n%s\nwant %q, beside that of the file", set, text, want)
		}
	}
}
