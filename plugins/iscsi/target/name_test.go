package target

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

func TestName(t *testing.T) {
	for volume, want := range map[string]string{
		"0f3c":                                 "iqn.2026-01.dev.meson:0f3c.7.a1",
		"c9bf9e57-1685-4c89-bafb-ff5af830be8a": "iqn.2026-01.dev.meson:c9bf9e57-1685-4c89-bafb-ff5af830be8a.7.a1",
	} {
		if got := Name("iqn.2026-01.dev.meson", volume, 7, "a1"); got != want {
			t.Errorf("%s is %s, want %s", volume, got, want)
		}
	}
	for _, volume := range []string{"Under_Score", strings.Repeat("x", 300), "", "-", "a b", "ü"} {
		got := Name("iqn.2026-01.dev.meson", volume, 7, "a1")
		if !iqnForm.MatchString(got) || len(got) > maxIQN || !strings.HasSuffix(got, ".7.a1") {
			t.Errorf("%q is %q, no name of a target", volume, got)
		}
	}
	seen := map[string]bool{}
	for _, v := range []string{"a", "A", "a.1", "a_1"} {
		for epoch := range uint64(3) {
			for _, a := range []string{"a", "b"} {
				seen[Name("iqn.2026-01.dev.meson", v, epoch, a)] = true
			}
		}
	}
	if len(seen) != 24 {
		t.Errorf("24 attachments have %d names", len(seen))
	}
}

func TestKey(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range []string{"c9bf9e57-1685-4c89-bafb-ff5af830be8a", "a/b", "", "ü", strings.Repeat("x", 300)} {
		for _, place := range []string{"/mnt/a", "/mnt/b"} {
			k := Key(v, place)
			if !keyForm.MatchString(k) {
				t.Errorf("Key(%q) is %q", v, k)
			}
			seen[k] = true
		}
	}
	if len(seen) != 10 {
		t.Errorf("10 places have %d keys", len(seen))
	}
}

func TestNewPassword(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		p := NewPassword()
		if !passForm.MatchString(p.Reveal()) || len(p.Reveal()) != 16 {
			t.Fatalf("%d bytes, or others than letters and digits", len(p.Reveal()))
		}
		seen[p.Reveal()] = true
	}
	if len(seen) != 1000 {
		t.Errorf("1000 passwords, %d of them different", len(seen))
	}
}

func TestCheckAuthority(t *testing.T) {
	for authority, ok := range map[string]bool{
		"iqn.2026-01.dev.meson": true, "iqn.2026-13.dev.meson": false, "iqn.2026-01": false, "dev.meson": false,
		"iqn.2026-01.dev.Meson": false, "iqn.2026-01.dev.meson:x": false, "iqn.2026-01." + strings.Repeat("a", 200): false,
	} {
		if got := CheckAuthority(authority) == ""; got != ok {
			t.Errorf("%s: %v, want %v", authority, got, ok)
		}
	}
}

// All faults at once, and no password in any of them.
func TestCheckVolume(t *testing.T) {
	v := Volume{
		Key: "a/b", Serial: "ä", Image: "data.img", Portals: []string{"host:3260"},
		Targets: []Target{{IQN: "x", Initiator: "y", User: "a,b", Password: sdk.NewSecret("with,comma,secret")}, {IQN: "x"}},
	}
	faults := v.check()
	var paths []string
	for _, f := range faults {
		paths = append(paths, f.Path)
		if strings.Contains(fmt.Sprintf("%+v", f), "secret") {
			t.Errorf("a password in %+v", f)
		}
	}
	for _, want := range []string{"key", "serial", "image", "portals[0]", "targets[0].iqn", "targets[0].initiator", "targets[0].user", "targets[0].password", "targets[1].iqn"} {
		if !strings.Contains(" "+strings.Join(paths, " ")+" ", " "+want+" ") {
			t.Errorf("%s is not among %v", want, paths)
		}
	}
	if _, err := New(Options{Dir: "/" + strings.Repeat("x", 80), Threads: -1}); sdk.KindOf(err) != sdk.Invalid {
		t.Errorf("a directory that is too long: %v", err)
	}
}

func TestFreePortal(t *testing.T) {
	p := Portals{Address: netip.MustParseAddr("127.0.0.1"), First: 21000, Last: 21050}
	first, err := p.Free(nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Free(map[string]bool{first: true})
	if err != nil || second == first {
		t.Errorf("with %s taken it is %s, %v", first, second, err)
	}
	p.Address = netip.MustParseAddr("192.0.2.1")
	if _, err := p.Free(nil); sdk.KindOf(err) != sdk.Exhausted {
		t.Errorf("on another machine's address: %v", err)
	}
	if _, err := (Portals{}).Free(nil); sdk.KindOf(err) != sdk.Invalid {
		t.Errorf("without any: %v", err)
	}
}
