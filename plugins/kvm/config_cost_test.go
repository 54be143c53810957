package kvm

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// costJSON is a right cost model; changes replace its settings, those that are
// empty are left out.
func costJSON(changes map[string]string) string {
	settings := map[string]string{
		"purchase": "8760", "lifetime_years": "5", "watts": "250", "pue": "1.6", "energy_kwh": "0.25", "upkeep_month": "73",
		"utilisation": "0.5", "cores": "10", "memory_gib": "100", "memory_share": "0.5", "as_of": "2026-10-28",
	}
	maps.Copy(settings, changes)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if settings[name] != "" {
			out = append(out, fmt.Sprintf("%q:%q", name, settings[name]))
		}
	}
	return `"cost":{` + strings.Join(out, ",") + `}`
}

const (
	rest = `"currency":"EUR","disk_gib_month":"0.05"`
	both = `"core_hour":"1","gib_hour":"2"`
)

// 0.2 + 0.1 + 0.1 = 0.4 an hour; half of it for each of 5 sold cores and 50 sold
// GiB.
func TestCostModel(t *testing.T) {
	c := decode(t, `{"uri":"qemu:///system",`+rest+`,`+costJSON(nil)+`}`)
	list, err := c.PriceList(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const source = "cost model: 8760 EUR over 5 years + 250 W × PUE 1.6 × 0.25 EUR per kWh + 73 EUR a month = 0.4 EUR an hour, of which memory bears 0.5, sold at 0.5 of 10 cores and 100 GiB"
	for sku, want := range map[string]string{"default/core-hour": "0.04", "default/gib-hour": "0.004"} {
		p, ok := list.Find(sku)
		if !ok || p.Amount.Amount() != want || p.Source != source || p.AsOf.Format(time.DateOnly) != "2026-10-28" {
			t.Errorf("%s: %+v, want %s of %q", sku, p, want, source)
		}
	}
	if p, _ := list.Find("default/disk-gib-month"); p.Amount.Amount() != "0.05" || p.Source != "" || !p.AsOf.IsZero() {
		t.Errorf("disk: %+v, want the provider's own price", p)
	}
	if list.Source != priceSource {
		t.Errorf("the list is of %q", list.Source)
	}
}

// What is nearer to the host wins, whether it is a model or a stated price.
func TestNearestPricesWin(t *testing.T) {
	double := costJSON(map[string]string{"cores": "5", "memory_gib": "50", "upkeep_month": "", "as_of": ""})
	for _, test := range []struct{ name, config, core, gib string }{
		{"top", `{` + rest + `,` + costJSON(nil) + `,"groups":[{"name":"a","hosts":[{"uri":"qemu+tcp://h/system"}]}]}`, "0.04", "0.004"},
		{"group over top", `{` + rest + `,` + costJSON(nil) + `,"groups":[{"name":"a",` + double + `,"hosts":[{"uri":"qemu+tcp://h/system"}]}]}`, "0.06", "0.006"},
		{"group over stated", `{` + rest + `,` + both + `,"groups":[{"name":"a",` + costJSON(nil) + `,"hosts":[{"uri":"qemu+tcp://h/system"}]}]}`, "0.04", "0.004"},
		{"stated over top", `{` + rest + `,` + costJSON(nil) + `,"groups":[{"name":"a",` + both + `,"hosts":[{"uri":"qemu+tcp://h/system"}]}]}`, "1", "2"},
		{"host over group", `{` + rest + `,"groups":[{"name":"a",` + costJSON(nil) + `,"hosts":[{"uri":"qemu+tcp://h/system",` + both + `}]}]}`, "1", "2"},
		{"disk of a host", `{` + rest + `,"groups":[{"name":"a",` + costJSON(nil) + `,"hosts":[{"uri":"qemu+tcp://h/system","disk_gib_month":"1"}]}]}`, "0.04", "0.004"},
	} {
		list, err := decode(t, test.config).PriceList(time.Now())
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := []string{list.Prices[0].Amount.Amount(), list.Prices[1].Amount.Amount()}; got[0] != test.core || got[1] != test.gib {
			t.Errorf("%s: %v, want %s and %s", test.name, got, test.core, test.gib)
		}
	}
}

func TestEveryFaultOfCostsAtOnce(t *testing.T) {
	nonsense := map[string]string{}
	for _, name := range []string{"purchase", "lifetime_years", "watts", "pue", "energy_kwh", "upkeep_month", "utilisation", "cores", "memory_gib", "memory_share"} {
		nonsense[name] = "much"
	}
	nonsense["as_of"] = "2026-02-30"
	implausible := map[string]string{
		"purchase": "1", "lifetime_years": "0", "watts": "-1", "pue": "0.9", "energy_kwh": "0", "upkeep_month": "1e9",
		"utilisation": "60", "cores": "0", "memory_gib": "1e3", "memory_share": "1",
	}
	paths := func(prefix string, settings map[string]string) (all []string) {
		for name := range settings {
			all = append(all, prefix+"cost."+name)
		}
		return all
	}
	group := func(settings string) string {
		return `"groups":[{"name":"a",` + settings + `,"hosts":[{"uri":"qemu+tcp://h/system"}]}]`
	}
	for _, test := range []struct {
		name, config string
		want         []string
	}{
		{"no numbers", `{"uri":"qemu:///system",` + rest + `,` + costJSON(nonsense) + `}`, paths("", nonsense)},
		{"no sense", `{` + rest + `,` + group(costJSON(implausible)) + `}`, paths("groups[0].", implausible)},
		{"missing", `{"uri":"qemu:///system",` + rest + `,"cost":{"purchase":"100"}}`, []string{
			"cost.lifetime_years", "cost.watts", "cost.pue", "cost.energy_kwh", "cost.utilisation", "cost.cores", "cost.memory_gib", "cost.memory_share",
		}},
		{"both", `{` + rest + `,"core_hour":"1",` + costJSON(nil) + `,` + group(`"gib_hour":"1",`+costJSON(map[string]string{"pue": "9"})) + `}`, []string{
			"core_hour", "groups[0].gib_hour", "groups[0].cost.pue",
		}},
		{"half a price beside a model", `{` + rest + `,` + costJSON(nil) + `,` + group(`"core_hour":"1"`) + `}`, []string{"groups[0].gib_hour"}},
		{"memory for nothing", `{` + rest + `,` + group(costJSON(map[string]string{"memory_share": "0.0"})) + `}`, []string{"groups[0].cost.memory_share"}},
		{"no currency, though free", `{"uri":"qemu:///system","free":true,` + costJSON(nil) + `}`, []string{"currency"}},
		{"no currency that exists", `{"uri":"qemu:///system","currency":"euro","disk_gib_month":"1",` + costJSON(nil) + `}`, []string{"currency"}},
		{"a model that no host uses", `{` + rest + `,` + costJSON(map[string]string{"pue": "9"}) + `,` + group(both) + `}`, []string{"cost.pue"}},
		{"disk", `{"uri":"qemu:///system","currency":"EUR",` + costJSON(nil) + `}`, []string{"disk_gib_month"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := sdk.DecodeConfig[Config]([]byte(test.config), nil)
			fault, ok := err.(*sdk.Error)
			if !ok || fault.Kind != sdk.Invalid {
				t.Fatalf("%v", err)
			}
			var got []string
			for _, f := range fault.Faults {
				got = append(got, f.Path)
				if f.Want == "" || f.Text == "" {
					t.Errorf("%+v says too little", f)
				}
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s\n%v", diff, err)
			}
		})
	}
	if _, err := decode(t, `{"uri":"qemu:///system","free":true,"currency":"EUR",`+costJSON(map[string]string{"memory_share": "0"})+`}`).PriceList(time.Now()); err != nil {
		t.Errorf("memory declared free: %v", err)
	}
}

// A model of another host than there is earns too little or too much: the check
// says so, and what the prices are.
func TestCostIsChecked(t *testing.T) {
	c := decode(t, `{`+rest+`,"groups":[{"name":"a","reserve_cores":2,"reserve_memory_mib":1024,`+costJSON(nil)+`,"hosts":[{"uri":"qemu+tcp://h/system"}]}]}`)
	p := &Provider{config: c}
	for _, s := range c.Sites() {
		p.places = append(p.places, &place{Site: s}, &place{Site: s})
	}
	items := p.checkCosts()
	if len(items) != 1 || items[0].GetVerdict() != pb.CheckItem_VERDICT_OK || !strings.HasPrefix(items[0].GetText(), "0.04 EUR a core-hour, 0.004 EUR a GiB-hour; cost model: 8760 EUR") {
		t.Errorf("%v", items)
	}
	for _, test := range []struct {
		cores  int
		mib    uint64
		warned bool
	}{{12, 101 << 10, false}, {12, 95 << 10, false}, {12, 89 << 10, true}, {12, 114 << 10, true}, {11, 101 << 10, true}, {1, 512, true}} {
		h := &inventory.Host{Cores: make([]inventory.Core, test.cores), MemoryTotalMiB: test.mib}
		if items := p.places[0].checkCost(h); (len(items) == 1) != test.warned {
			t.Errorf("%d cores and %d MiB: %v", test.cores, test.mib, items)
		}
	}
	stated := &place{Site: Site{Limits: fit.Limits{}}}
	if items := stated.checkCost(&inventory.Host{}); items != nil {
		t.Errorf("stated prices: %v", items)
	}
}

func TestDocsExampleCost(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", "providers", "kvm-cost.json"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := decode(t, string(data)).PriceList(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := list.Find("rack1/core-hour")
	q, _ := list.Find("rack1/gib-hour")
	page := readPage(t, "README.md")
	for _, m := range []string{p.Amount.Amount(), q.Amount.Amount()} {
		if !strings.Contains(page, m) {
			t.Errorf("README.md does not say that the example comes to %s", m)
		}
	}
}
