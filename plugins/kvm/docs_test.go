package kvm

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/inventory/inventorytest"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

var updateDocs = flag.Bool("update-docs", false, "write the table of settings in SETTINGS.md")

// The table of settings in SETTINGS.md is what the plugin prints.
func TestDocsSettings(t *testing.T) { sdktest.SettingsPage[Config](t, "SETTINGS.md", *updateDocs) }

func TestDocsExampleConfig(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", "providers", "kvm.json"))
	if err != nil {
		t.Fatal(err)
	}
	c := decode(t, string(data))
	if len(c.Sites()) != 3 || len(c.Images) != 2 {
		t.Errorf("%d hosts and %d images, README.md speaks of groups with hosts and images", len(c.Sites()), len(c.Images))
	}
}

// Every one-line command that adds a provider of this plugin, in the help texts
// and on the pages, has settings that the plugin takes.
func TestDocsCommandsAdd(t *testing.T) {
	set := regexp.MustCompile(`--set '?([a-z_]+)=([^\s'\\"` + "`" + `]+)`)
	seen := 0
	for _, glob := range []string{"README.md", "../../README.md", "../../docs/*.md", "../../cli/*.go"} {
		pages, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			text := strings.ReplaceAll(readPage(t, page), " \\\n", " ")
			for line := range strings.Lines(text) {
				_, rest, ok := strings.Cut(line, "provider add ")
				rest, _, _ = strings.Cut(rest, `\n`) // help texts have several in one string
				if !ok || !strings.Contains(rest, "--plugin kvm") || !strings.Contains(rest, "--set") || strings.Contains(rest, "--set core_hour=0.01 --set gib_hour=0.002\n") {
					continue // the last is the page's example of a fault
				}
				var settings []string
				for _, m := range set.FindAllStringSubmatch(rest, -1) {
					value := fmt.Sprintf("%q", m[2])
					if m[2] == "true" {
						value = m[2]
					}
					settings = append(settings, fmt.Sprintf("%q: %s", m[1], value))
				}
				if _, err := sdk.DecodeConfig[Config]([]byte("{"+strings.Join(settings, ", ")+"}"), nil); err != nil {
					t.Errorf("%s: %s\n%v", page, strings.TrimSpace(line), err)
				}
				seen++
			}
		}
	}
	if seen < 4 {
		t.Errorf("only %d commands found", seen)
	}
}

// The table of what a box of 2 × 8 cores with SMT gives is computed, not believed.
func TestDocsCounting(t *testing.T) {
	_, rest, ok := strings.Cut(readPage(t, "README.md"), "| `slots` | `allowSMT` |")
	table, _, _ := strings.Cut(rest, "\n\n")
	rows := strings.Split(table, "\n")
	if !ok || len(rows) < 4 {
		t.Fatal("README.md: the table of how cores are counted is gone")
	}
	for _, row := range rows[2:] {
		var slots, overprovision uint32
		var smt bool
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if len(cells) != 7 {
			t.Fatalf("row %q: want 7 cells", row)
		}
		if _, err := fmt.Sscan(cells[0]+" "+cells[1]+" "+cells[2], &slots, &smt, &overprovision); err != nil {
			t.Fatalf("row %q: %v", row, err)
		}
		vcpus, pays, count := fill(t, &pb.Pledge{Slots: slots, AllowSmt: smt, Overprovision: overprovision, MemoryMib: 512})
		if got := fmt.Sprint(vcpus); got != cells[3] {
			t.Errorf("row %q: %s vCPUs", row, got)
		}
		if first, _, _ := strings.Cut(cells[5], " "); pays != first {
			t.Errorf("row %q: pays %s", row, pays)
		}
		if got := fmt.Sprint(count); got != cells[6] {
			t.Errorf("row %q: %s fit", row, got)
		}
	}
}

// fill puts as many machines on the box as fit.
func fill(t *testing.T, p *pb.Pledge) (vcpus int, pays string, count int) {
	t.Helper()
	h, err := inventory.Build(inventorytest.Source(t, "smt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Cores) != 16 || h.ThreadsPerCore != 2 {
		t.Fatalf("%d cores of %d threads, want the box of 2 × 8 with SMT", len(h.Cores), h.ThreadsPerCore)
	}
	h.Guests = nil
	limits := fit.Limits{DefaultOverprovision: 2, Pool: "default", Network: "default"}
	request := fit.RequestOf(p, 1, false)
	for {
		a, reasons := fit.Fit(h, limits, request, fit.Options{})
		if len(reasons) > 0 {
			return vcpus, pays, count
		}
		count++
		m := match{snapshot: &Snapshot{Host: h}, pledge: p, request: request, assignment: a}
		core := m.quantities()[0]
		vcpus, pays = a.VCPUs(), fraction(core.GetAmount(), core.GetDivisor())
		h.Guests = append(h.Guests, inventory.Guest{
			UUID: fmt.Sprint(count), VCPUs: a.VCPUs(), MemoryMiB: a.MemoryMiB,
			Claim: &inventory.Claim{State: inventory.Held, Overprovision: a.Overprovision, WholeCores: a.WholeCores, Units: a.Units},
		})
	}
}

func fraction(amount string, divisor uint32) string {
	var n uint32
	_, _ = fmt.Sscan(amount, &n)
	switch {
	case n%divisor == 0:
		return fmt.Sprint(n / divisor)
	case divisor%n == 0:
		return fmt.Sprintf("1/%d", divisor/n)
	}
	return fmt.Sprintf("%d/%d", n, divisor)
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
