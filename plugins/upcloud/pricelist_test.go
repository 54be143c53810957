package upcloud

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

func testShop(t testing.TB, config string) *shop {
	t.Helper()
	f := newFake(t)
	more := map[string]any{}
	if config != "" {
		if err := json.Unmarshal([]byte(config), &more); err != nil {
			t.Fatal(err)
		}
	}
	s, err := provider(t, f.URL, more, Hooks{}).shop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func find(t *testing.T, l *pricing.List, sku string) pricing.Price {
	t.Helper()
	p, ok := l.Find(sku)
	if !ok {
		t.Fatalf("%s is not in the list", sku)
	}
	return p
}

func TestPriceList(t *testing.T) {
	list := testShop(t, "").list
	if err := list.Check(); err != nil {
		t.Fatal(err)
	}
	for sku, want := range map[string]string{
		"fi-hel1/plan/STARTER-1xCPU-1GB": "0.004464 EUR/hour compute",
		"fi-hel1/storage/maxiops":        "0.00031 EUR/gib-hour disk",
		"fi-hel1/ipv4":                   "0.004812 EUR/hour address",
		"fi-hel1/core":                   "0.0112 EUR/hour compute",
		"fi-hel1/memory":                 "0.0056 EUR/gib-hour memory",
	} {
		p := find(t, list, sku)
		if got := fmt.Sprintf("%s/%s %s", p.Amount, p.Unit, p.Kind); got != want {
			t.Errorf("%s is %s, want %s", sku, got, want)
		}
	}
	// Bundled plans bill while stopped, cloud native ones do not, of GPU plans it is
	// not known; all plans are capped, what is beside them is not.
	for sku, want := range map[string]pricing.Billing{
		"fi-hel1/plan/STARTER-1xCPU-1GB":          {IncrementSeconds: 3600, CapHours: 672, Stopped: pricing.StoppedBilled},
		"fi-hel1/plan/CLOUDNATIVE-2xCPU-4GB":      {IncrementSeconds: 3600, CapHours: 672, Stopped: pricing.StoppedFree},
		"fi-hel2/plan/GPU-8xCPU-64GB-1xL40S":      {IncrementSeconds: 3600, CapHours: 672},
		"fi-hel2/plan/GPU-SPOT-8xCPU-64GB-1xL40S": {IncrementSeconds: 3600, CapHours: 672, Spot: true, SpotOf: "fi-hel2/plan/GPU-8xCPU-64GB-1xL40S"},
		"fi-hel1/storage/maxiops":                 {IncrementSeconds: 3600, Stopped: pricing.StoppedBilled},
	} {
		got := *find(t, list, sku).Billing
		if got.Source == "" || got.AsOf.IsZero() {
			t.Errorf("%s: the rules have no source", sku)
		}
		got.Source, got.AsOf = "", time.Time{}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is billed by %+v, want %+v", sku, got, want)
		}
	}
	// Nothing that costs nothing, nothing of a zone that is not for sale.
	for _, p := range list.Prices {
		if p.Amount.Sign() == 0 || strings.HasPrefix(p.SKU, "uk-tst1") || strings.HasPrefix(p.SKU, "xx-own1") {
			t.Errorf("%s at %s is in the list", p.SKU, p.Amount)
		}
	}
}

// The revision is of what the list says, not of when it was read.
func TestRevision(t *testing.T) {
	a, b := testShop(t, "").list, testShop(t, "").list
	if a.Revision == "" || a.Revision != b.Revision {
		t.Errorf("%q and %q", a.Revision, b.Revision)
	}
	if c := testShop(t, `{"zones": ["fi-hel1"]}`).list; c.Revision == a.Revision {
		t.Error("another list has the same revision")
	}
}

func TestZones(t *testing.T) {
	for _, c := range []struct{ config, zones, leftOut string }{
		{"", "fi-hel1 fi-hel2", "de-fra1: no prices, uk-tst1: prices of zero, xx-own1: a private zone"},
		{`{"zones": ["fi-hel2"]}`, "fi-hel2", ""},
		{`{"zones": ["xx-own1", "uk-tst1", "mars-1"]}`, "xx-own1", "uk-tst1: prices of zero, mars-1: no such zone"},
		{`{"zones": ["mars-1"]}`, "", "mars-1: no such zone"},
	} {
		s := testShop(t, c.config)
		var zones, leftOut []string
		for _, at := range s.zones {
			zones = append(zones, at.zone)
		}
		for _, r := range s.leftOut {
			leftOut = append(leftOut, r.GetCandidate()+": "+r.GetHave())
		}
		if got := strings.Join(zones, " "); got != c.zones {
			t.Errorf("%s: zones %s, want %s", c.config, got, c.zones)
		}
		if got := strings.Join(leftOut, ", "); got != c.leftOut {
			t.Errorf("%s: left out %s, want %s", c.config, got, c.leftOut)
		}
	}
}

// Where the price list does not say the currency, the account does; where nobody
// does, there are no prices.
func TestCurrency(t *testing.T) {
	body, err := os.ReadFile("testdata/api/price.json")
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	f.on("/price", reply(200, "application/json", strings.Replace(string(body), `"currency": "EUR", `, "", 1)))
	list, err := provider(t, f.URL, nil, Hooks{}).PriceList(t.Context())
	if err != nil || list.Prices[0].Amount.Currency() != "EUR" {
		t.Errorf("%v, %v", list, err)
	}
	f.on("/account/details/tester", reply(200, "application/json", `{"account": {"username": "tester"}}`))
	if _, err = provider(t, f.URL, nil, Hooks{}).PriceList(t.Context()); err == nil || !strings.Contains(err.Error(), "currency") {
		t.Errorf("%v", err)
	}
	f.on("/price", reply(200, "application/json", strings.Replace(string(body), "EUR", "credits", 1)))
	if _, err = provider(t, f.URL, nil, Hooks{}).PriceList(t.Context()); err == nil || !strings.Contains(err.Error(), "ISO 4217") {
		t.Errorf("%v", err)
	}
}
