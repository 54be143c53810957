package upcloud

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

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
