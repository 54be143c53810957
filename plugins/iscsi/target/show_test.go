package target

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func listing(tb testing.TB) string {
	tb.Helper()
	b, err := os.ReadFile("testdata/targets.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestParseTargets(t *testing.T) {
	want := []shown{
		{
			tid: 77, name: "iqn.2026-01.dev.meson:v.1.a", state: "ready", accounts: []string{"a"}, rules: []string{"iqn.2026-01.dev.meson:h1"},
			luns: []shownLUN{{store: "null", path: "None", online: true}, {lun: 1, store: "rdwr", path: "/run/meson/v/image.67108864", online: true, readOnly: true, unmaps: true}},
		},
		{tid: 78, name: "iqn.2026-01.dev.meson:v.2.b", state: "offline", luns: []shownLUN{{}}},
	}
	got := parseTargets(listing(t))
	if d := cmp.Diff(want, got, cmp.AllowUnexported(shown{}, shownLUN{})); d != "" {
		t.Errorf("want -, got +\n%s", d)
	}
}

// An initiator's alias is shown as it sent it. Whatever it writes there, the other
// targets are still listed as they are.
func TestAliasForgesNothingOfOthers(t *testing.T) {
	alias := "none\n    ACL information:\n        iqn.2026-01.evil:x\nTarget 78: iqn.2026-01.dev.meson:v.2.b\n    System information:\n        State: ready\nTarget 9: x"
	got := parseTargets(strings.Replace(listing(t), "alias: none", "alias: "+alias, 1))
	real := parseTargets(listing(t))[1]
	if !slices.ContainsFunc(got, func(s shown) bool { return cmp.Equal(s, real, cmp.AllowUnexported(shown{}, shownLUN{})) }) {
		t.Errorf("the other target is gone from %+v", got)
	}
}

func TestParseSessions(t *testing.T) {
	text := "Session: 7\n    Connection: 0\n        Initiator: iqn.2026-01.dev.meson:h1\n        IP Address: ::ffff:10.0.0.7\n" +
		"Session: 8\n    Connection: 3\n        Initiator: iqn.2026-01.dev.meson:h1\n        IP Address: nonsense\n"
	want := []session{
		{sid: 7, initiator: "iqn.2026-01.dev.meson:h1", address: "10.0.0.7"},
		{sid: 8, cid: 3, initiator: "iqn.2026-01.dev.meson:h1"},
	}
	if got := parseSessions(text); !slices.Equal(got, want) {
		t.Errorf("have %+v, want %+v", got, want)
	}
}

func TestParsePortals(t *testing.T) {
	got := parsePortals("Portal: 127.0.0.1:41501,1\nPortal: [fd00::7]:3260,1\nPortal: nonsense,1\nelse\n")
	if want := []string{"127.0.0.1:41501", "[fd00::7]:3260"}; !slices.Equal(got, want) {
		t.Errorf("have %q, want %q", got, want)
	}
}

// Whatever is said, what is read of it is bounded by it, and by a limit.
func FuzzParse(f *testing.F) {
	f.Add(listing(f))
	f.Add("Session: 7\n    Connection: 0\n        Initiator: x\n        IP Address: 10.0.0.7\n")
	f.Add("Portal: [fd00::7]:3260,1\n")
	f.Add(strings.Repeat("Target 1: x\n", 3000))
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		targets := parseTargets(text)
		if len(targets) > lines || len(targets) > 4*maxTargets {
			t.Fatalf("%d targets of %d lines", len(targets), lines)
		}
		for _, s := range targets {
			if len(s.luns) > 16 {
				t.Fatalf("%d units", len(s.luns))
			}
			_ = s.unit()
		}
		if n := len(parseSessions(text)); n > lines || n > 4096 {
			t.Fatalf("%d sessions of %d lines", n, lines)
		}
		if n := len(parsePortals(text)); n > lines || n > 64 {
			t.Fatalf("%d portals of %d lines", n, lines)
		}
	})
}
