package upcloud

import (
	"testing"

	"github.com/mesoncloud/meson/sdk/pb"
)

// What users ask for, by what the listing has; the templates in testdata have a
// Debian 11 that is not cloud-init and a Debian 13 that is not online yet.
func TestBootFor(t *testing.T) {
	f := newFake(t)
	p := provider(t, f.URL, map[string]any{"images": []map[string]any{
		{"os_family": "linux", "os_flavour": "golden", "template": "golden .*"},
		{"os_family": "windows", "os_flavour": "windows2022", "template": "Windows Server 2022.*"},
	}}, Hooks{})
	all, err := p.templates.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ family, flavour, zone, want, field, relax string }{
		{"", "", "fi-hel1", "golden 2", "", ""}, // the configured ones come first
		{"linux", "golden", "fi-hel1", "golden 2", "", ""},
		{"linux", "golden", "fi-hel2", "", "", ""}, // a private template is in one zone
		{"linux", "debian", "fi-hel2", "Debian GNU/Linux 12 (Bookworm)", "", ""},
		{"LINUX", "Debian-12", "fi-hel2", "Debian GNU/Linux 12 (Bookworm)", "", ""},
		{"linux", "debian11", "", "", "misc.os_flavour", "misc.os_flavour=golden"},
		{"linux", "debian13", "", "", "misc.os_flavour", "misc.os_flavour=golden"},
		{"linux", "ubuntu", "fi-hel2", "Ubuntu Server 24.04 LTS (Noble Numbat)", "", ""},
		{"linux", "ubuntu22.04", "fi-hel2", "Ubuntu Server 22.04 LTS (Jammy Jellyfish)", "", ""},
		{"linux", "ubuntu2204", "fi-hel2", "Ubuntu Server 22.04 LTS (Jammy Jellyfish)", "", ""},
		{"linux", "ubuntu_24", "fi-hel2", "Ubuntu Server 24.04 LTS (Noble Numbat)", "", ""},
		{"linux", "rockylinux9", "fi-hel2", "Rocky Linux 9", "", ""},
		{"linux", "ubuntux", "", "", "misc.os_flavour", "misc.os_flavour=golden"},
		{"linux", "plan9", "", "", "misc.os_flavour", "misc.os_flavour=golden"},
		{"windows", "windows2022", "fi-hel1", "Windows Server 2022 Standard", "", ""},
		{"bsd", "", "", "", "misc.os_family", "misc.os_family=linux"},
	} {
		b, no := p.bootFor(&pb.Pledge{OsFamily: c.family, OsFlavour: c.flavour}, all)
		if no.GetField() != c.field || no.GetRelax() != c.relax || (no != nil && no.GetText() == "") {
			t.Errorf("%s/%s: reason %v, want one about %q with %q", c.family, c.flavour, no, c.field, c.relax)
		}
		if b == nil {
			if c.field == "" {
				t.Errorf("%s/%s: nothing", c.family, c.flavour)
			}
			continue
		}
		got := ""
		if found := b.of(c.zone); found != nil {
			got = found.title
		}
		if got != c.want {
			t.Errorf("%s/%s in %s: %q, want %q", c.family, c.flavour, c.zone, got, c.want)
		}
	}
	// Without configured images the first known system is taken.
	plain := provider(t, f.URL, nil, Hooks{})
	if all, err = plain.templates.get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b, no := plain.bootFor(&pb.Pledge{}, all); no != nil || b.of("fi-hel1").title != "Debian GNU/Linux 12 (Bookworm)" {
		t.Errorf("%v, %v", b, no)
	}
	if _, no := p.bootFor(&pb.Pledge{OsFamily: "bsd"}, nil); no == nil {
		t.Error("something is made from nothing")
	}
}
