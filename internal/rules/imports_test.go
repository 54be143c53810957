// Package rules holds the tests of what no compiler checks: who may import whom.
package rules

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/mesoncloud/meson/"

// rule says what packages below a prefix may import of ours, and why. The
// longest prefix that matches a package is its rule; a package without one may
// import nothing of ours. Test files are not bound: a test may stand where it
// sees more.
type rule struct {
	prefix string
	may    []string
	why    string
}

func table() []rule {
	return []rule{
		{"pricing", nil, "arithmetic that people pay by depends on nothing"},
		{"pricing/book", []string{"pricing"}, "bytes in, price list out: no input or output"},
		{"pricing/cost", []string{"pricing"}, "what a host costs, as prices"},
		{"pricing/fx", []string{"pricing"}, "bytes in, exchange rates out: no input or output"},
		{"pricing/terms", []string{"pricing"}, "bytes in, terms out: no input or output"},
		{"sdk", []string{"pricing", "sdk/pb"}, "a plugin author must not compile half of Meson"},
		{"sdk/pb", nil, "generated"},
		{"sdk/sdktest", []string{"pricing", "sdk"}, "the suite stands where plugin authors stand"},
		{"core", []string{"pricing"}, "nouns do no input or output"},
		{"core/spec", []string{"core", "pricing"}, "bytes in, pledge out: no input or output"},
		{"core/place", []string{"core", "pricing"}, "a pure function"},
		{"core/ledger", []string{"core", "pricing"}, "the store knows nouns, not who uses it"},
		{"core/ledger/ledgertest", []string{"core", "core/ledger", "pricing"}, "every engine of the store is held to the same"},
		{"core/market", []string{"core", "pricing"}, "it asks providers through an interface of its own"},
		{"core/alloc", []string{"core", "core/ledger", "core/market", "pricing"}, "it drives providers through an interface of its own"},
		{"core/host", []string{"core", "pricing", "sdk"}, "the one place where nouns meet the wire"},
		{"core/api", []string{"core", "pricing"}, "the public API over all of core"},
		{"plugins", []string{"sdk", "pricing"}, "first-party and third-party plugins stand on the same ground"},
		{"plugins/kvm", []string{"plugins/kvm", "sdk", "pricing"}, "first-party and third-party plugins stand on the same ground"},
		{"plugins/upcloud", []string{"plugins/upcloud", "sdk", "pricing"}, "first-party and third-party plugins stand on the same ground"},
		{"plugins/iscsi", []string{"plugins/iscsi", "sdk", "pricing"}, "first-party and third-party plugins stand on the same ground"},
		{"cli", []string{"cli", "core", "core/spec", "core/api", "core/place", "pricing"}, "commands speak to the API, never to a plugin"},
		{"cli/broker", []string{"core", "pricing"}, "the wiring; never a plugin"},
		{"cli/mapping", []string{"core"}, "a connection in, a local file out: it knows neither broker nor plugin"},
		{"cli/meson", []string{"cli", "core", "pricing"}, "the wiring; never a plugin"},
		{"internal", nil, "tools of the build"},
		{"lab/emulator", []string{"lab/emulator"}, "an emulator that shares our code shares its mistakes"},
		{"examples", []string{"pricing", "sdk"}, "an example stands where a plugin author stands"},
		{"bench", []string{"core", "pricing", "sdk"}, "measures, like a user"},
		{"e2e", []string{"e2e/killer", "cli", "core", "pricing", "plugins/kvm", "plugins/upcloud", "sdk"}, "tests of the whole"},
	}
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		r, ok := ruleFor(path)
		if !ok {
			t.Errorf("%s: no import rule covers it; add one to the table, with its reason", path)
			continue
		}
		for _, imported := range p.Imports {
			target, ours := strings.CutPrefix(imported, module)
			if ours && !r.allows(target) {
				t.Errorf("%s imports %s: not allowed (%s)", path, target, r.why)
			}
			if imported == "C" && !strings.HasPrefix(path, "plugins/kvm") && !strings.HasPrefix(path, "plugins/ceph") {
				t.Errorf("%s uses cgo: only plugins/kvm and plugins/ceph may", path)
			}
		}
	}
}

func (r rule) allows(target string) bool {
	for _, allowed := range r.may {
		// core alone is the nouns for those below core, and all of core for who is
		// above it.
		if target == allowed || strings.HasPrefix(target, allowed+"/") && r.whole(allowed) {
			return true
		}
	}
	return false
}

// whole reports whether a name in may stands for the packages below it too.
func (r rule) whole(allowed string) bool {
	if allowed != "core" {
		return true
	}
	switch r.prefix {
	case "core/api", "cli/broker", "cli/meson", "bench", "e2e":
		return true
	}
	return false
}

func ruleFor(path string) (rule, bool) {
	var best rule
	found := false
	for _, r := range table() {
		if (path == r.prefix || strings.HasPrefix(path, r.prefix+"/")) && (!found || len(r.prefix) > len(best.prefix)) {
			best, found = r, true
		}
	}
	return best, found
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 5 {
		t.Fatalf("only %d packages listed", len(list))
	}
	return list
}

// The rules themselves must be able to fail.
func TestRulesRefuse(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"plugins/kvm", "core", false},
		{"plugins/kvm/hosts", "sdk/pb", true},
		{"plugins/upcloud", "plugins/kvm", false},
		{"core/place", "core/host", false},
		{"core/place", "core", true},
		{"core", "sdk", false},
		{"pricing", "core", false},
		{"cli", "plugins/kvm", false},
		{"cli", "core/ledger", false},
		{"core/api", "core/host", true},
		{"core/alloc", "core/host", false},
	} {
		r, ok := ruleFor(c.from)
		if !ok || r.allows(c.to) != c.want {
			t.Errorf("%s imports %s: allowed %v, want %v", c.from, c.to, r.allows(c.to), c.want)
		}
	}
}
