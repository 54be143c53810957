package upcloud

import (
	"strings"
	"testing"
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
