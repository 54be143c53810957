package upcloud

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

func TestDecodePricesLeavesOut(t *testing.T) {
	body := `{"prices": {"currency": "EUR", "zone": [
		{"name": "fi-hel1", "ok": {"amount": 1, "price": 0.5}, "text": {"amount": "256", "price": "0.45"}, "small": {"amount": 1000000, "price": 1e-9},
		 "negative": {"amount": 1, "price": -1}, "nothing": {"amount": 0, "price": 1}, "long": {"amount": 1, "price": 1e999999999},
		 "absent": {"amount": 1}, "word": {"amount": 1, "price": "NaN"}, "null": null, "list": [1]},
		{"name": "fi-hel1"}, {"nameless": {"amount": 1, "price": 1}}, {"name": "../../etc"}
	]}}`
	p, leftOut, err := decodePrices([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.zones) != 1 || len(p.zones["fi-hel1"]) != 3 || len(leftOut) != 7+3 {
		t.Errorf("%d zones, %v, left out %d: %v", len(p.zones), p.zones, len(leftOut), leftOut)
	}
	for item, want := range map[string]string{"ok": "0.005", "small": "0.00000000000000001"} {
		if got, err := p.zones["fi-hel1"][item].each(1); got != want || err != nil {
			t.Errorf("%s is %s, %v, want %s", item, got, err, want)
		}
	}
	for _, bad := range []string{``, `null`, `{}`, `[]`, `{"prices": {}}`, `{"prices": {"zone": []}}`, `{"prices": {"zone": {}}}`, `<html>`} {
		if _, _, err := decodePrices([]byte(bad)); err == nil {
			t.Errorf("%q is a price list", bad)
		}
	}
}

// A price is what the API says to the last digit, or no price.
func TestEachIsExact(t *testing.T) {
	for _, c := range []struct {
		price, amount string
		n             int64
		want          string
	}{
		{"0.744", "1", 1, "0.00744"},
		{"0.4464", "1", 1, "0.004464"},
		{"0.14", "256", 1024, "0.0056"},
		{"1", "256", 1, "0.0000390625"},
		{"100", "1", 1, "1"},
		{"1", "3", 1, "no exact decimal"},
		{"1e-29", "1", 1, "no exact decimal"},
	} {
		price, err := exactly(c.price)
		if err != nil {
			t.Fatal(err)
		}
		amount, err := exactly(c.amount)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tag{amount, price}.each(c.n)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || err == nil && got != c.want {
			t.Errorf("%s for %s, %d of them: %s, want %s", c.price, c.amount, c.n, got, c.want)
		}
	}
}

func TestDecodePlansLeavesOut(t *testing.T) {
	body := `{"plans": {"plan": [
		{"name": "ok", "core_number": "2", "memory_amount": "4096", "storage_size": null, "storage_tier": null, "current_offering": "no"},
		{"name": "ok", "core_number": 2, "memory_amount": 4096},
		{"name": "../x", "core_number": 2, "memory_amount": 4096},
		{"name": "none", "core_number": 0, "memory_amount": 4096},
		{"name": "part", "core_number": 1.5, "memory_amount": 4096},
		{"name": "huge", "core_number": 1, "memory_amount": 99999999999},
		{"name": "odd", "core_number": 1, "memory_amount": 1, "current_offering": "perhaps"},
		{"name": "CLOUDNATIVE-1xCPU-1GB", "core_number": 1, "memory_amount": 1024, "storage_size": 10},
		7, null
	]}}`
	plans, leftOut, err := decodePlans([]byte(body))
	if err != nil || len(plans) != 2 || len(leftOut) != 8 {
		t.Fatalf("%d plans, left out %d: %v, %v", len(plans), len(leftOut), leftOut, err)
	}
	if p := plans[0]; p.current || p.cores != 2 || p.diskGiB != 0 || p.family != familyGeneral || p.bringsIPv4() {
		t.Errorf("%+v", p)
	}
	if p := plans[1]; !p.current || p.family != familyCloudNative || p.bringsIPv4() {
		t.Errorf("%+v", p)
	}
}

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

func TestBook(t *testing.T) {
	b, err := loadBook(bookYAML, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.plans[unspecified]); n != 25 {
		t.Errorf("%d plans of list prices", n)
	}
	for sku, want := range map[string]string{
		unspecified + "/plan/STARTER-1xCPU-1GB":  "3 EUR",
		unspecified + "/plan/PREMIUM-2xCPU-8GB":  "38 EUR",
		unspecified + "/plan/PREMIUM-4xCPU-16GB": "92 EUR",
	} {
		// A month of 730 h is capped at 672, which is the price of the month exactly.
		q, err := b.list.Quote([]pricing.Quantity{{SKU: sku, Amount: "1"}}, pricing.Month)
		if err != nil || q.Total.String() != want {
			t.Errorf("a month of %s costs %v, %v, want %s", sku, q.Total, err, want)
		}
	}
	i := slices.IndexFunc(b.plans[unspecified], func(p *plan) bool { return p.name == "PREMIUM-2xCPU-8GB" })
	if p := b.plans[unspecified][i]; p.cores != 2 || p.memoryMiB != 8192 || p.diskGiB != 100 || p.tier != tierMaxIOPS || !p.bringsIPv4() || !p.current {
		t.Errorf("%+v", p)
	}
	for _, p := range b.list.Prices {
		if p.Confidence != "high" && p.Confidence != "medium" || p.Source == "" || p.AsOf.IsZero() {
			t.Errorf("%s: confidence %q, source %q, as of %v", p.SKU, p.Confidence, p.Source, p.AsOf)
		}
		if p.Billing != nil && len(p.Billing.Includes) > 0 {
			t.Errorf("%s includes %v by its price", p.SKU, p.Billing.Includes)
		}
	}
	for _, spoil := range []struct{ old, with, want string }{
		{"  resource:", "  else:", `no billing "resource"`},
		{"unspecified/plan/STARTER-1xCPU-1GB,", "unspecified/plan/STARTER,", "does not say its size"},
		{`amount: "3.00"`, `amount: "0"`, "zero, and not declared free"},
	} {
		spoiled := strings.Replace(string(bookYAML), spoil.old, spoil.with, 1)
		if _, err := loadBook([]byte(spoiled), time.Time{}); err == nil || !strings.Contains(err.Error(), spoil.want) {
			t.Errorf("%s: %v, want %s", spoil.with, err, spoil.want)
		}
	}
}

func TestPlanOfName(t *testing.T) {
	for name, want := range map[string]string{
		"1xCPU-1GB":                    "1 1024 0 ",
		"DEV-1xCPU-1GB-10GB":           "1 1024 0 ",
		"STARTER-4xCPU-16GB":           "4 16384 0 ",
		"GPU-8xCPU-64GB-1xL40S":        "8 65536 1 L40S",
		"GPU-SPOT-12xCPU-240GB-1xH100": "12 245760 1 H100",
		"custom":                       "",
		"CN-1xCPU-0.5GB":               "",
		"99999xCPU-1GB":                "",
	} {
		got := ""
		if p, err := planOfName(name); err == nil {
			got = fmt.Sprintf("%d %d %d %s", p.cores, p.memoryMiB, p.gpus, p.gpuModel)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
