package upcloud

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What the settings keep back is told where nothing else fits.
func TestKeptBackIsTold(t *testing.T) {
	f := newFake(t)
	f.on("/price", reply(200, "application/json", `{"prices": {"currency": "EUR", "zone": [{"name": "fi-hel1", "storage_maxiops": {"amount": 1, "price": 0.031},
		"server_plan_2xCPU-4GB": {"amount": 1, "price": 2.9761}, "server_plan_GPU-SPOT-8xCPU-64GB-1xL40S": {"amount": 1, "price": 57}}]}}`))
	f.on("/device/availability", reply(200, "application/json", `{"fi-hel1": {"gpu_plans": {"GPU-SPOT-8xCPU-64GB-1xL40S": {"amount": 1}}}}`))
	p := provider(t, f.URL, nil, Hooks{})
	if got := ask1(t, p, with(nil)); len(got.GetOffers()) > 0 || !hasReason(got.GetReasons(), "plan", "", "1 discontinued plan would fit") {
		t.Errorf("%v", got)
	}
	if got := ask1(t, p, with(l40s)); len(got.GetOffers()) > 0 || !hasReason(got.GetReasons(), "plan", "", "1 spot plan would fit") {
		t.Errorf("%v", got)
	}
}

// What is paid, line by line.
func TestQuantities(t *testing.T) {
	p := provider(t, newFake(t).URL, map[string]any{"zones": []string{"fi-hel1", "fi-hel2"}}, Hooks{})
	got := ask1(t, p, with(func(p *pb.Pledge) { p.PublicIpv4 = true; p.BootDiskGib = 40 })).GetOffers()
	got = append(got, ask1(t, p, with(l40s)).GetOffers()...)
	for id, want := range map[string]string{
		// It brings the address, and a disk of 30: one of 40 does not fit the plan.
		"fi-hel1/STARTER-2xCPU-4GB/40g/ipv4":     "fi-hel1/plan/STARTER-2xCPU-4GB 1, fi-hel1/storage/standard 40, fi-hel1/ipv4 1 included",
		"fi-hel1/PREMIUM-2xCPU-4GB/50g/ipv4":     "fi-hel1/plan/PREMIUM-2xCPU-4GB 1, fi-hel1/storage/maxiops 50 included, fi-hel1/ipv4 1 included",
		"fi-hel1/CLOUDNATIVE-2xCPU-4GB/40g/ipv4": "fi-hel1/plan/CLOUDNATIVE-2xCPU-4GB 1, fi-hel1/storage/maxiops 40, fi-hel1/ipv4 1",
		"fi-hel1/custom-1xCPU-1024MB/40g/ipv4":   "fi-hel1/core 1, fi-hel1/memory 1024/1024, fi-hel1/storage/maxiops 40, fi-hel1/ipv4 1",
		"fi-hel2/GPU-8xCPU-64GB-1xL40S/10g":      "fi-hel2/plan/GPU-8xCPU-64GB-1xL40S 1, fi-hel2/storage/maxiops 10",
	} {
		i := slices.IndexFunc(got, func(o *pb.Offer) bool { return o.GetId() == id })
		if i < 0 {
			t.Errorf("%s is not offered among\n%s", id, ids1(got))
			continue
		}
		var lines []string
		for _, q := range got[i].GetQuantities() {
			line := q.GetSku() + " " + q.GetAmount()
			if q.GetDivisor() > 1 {
				line += fmt.Sprintf("/%d", q.GetDivisor())
			}
			if q.GetIncluded() {
				line += " included"
			}
			lines = append(lines, line)
		}
		if l := strings.Join(lines, ", "); l != want {
			t.Errorf("%s: %s, want %s", id, l, want)
		}
	}
}

// What UpCloud does not say is unknown and passes.
func TestUnknown(t *testing.T) {
	p := provider(t, newFake(t).URL, nil, Hooks{})
	got := ask1(t, p, with(func(p *pb.Pledge) {
		p.AllowSmt, p.Overprovision, p.RequireEcc, p.MinFrequencyMhz, p.CpuFlags = false, 1, true, 3000, []string{"sse2", "avx512f"}
	}))
	if len(got.GetOffers()) == 0 {
		t.Fatal(got.GetReasons())
	}
	if u := strings.Join(got.GetOffers()[0].GetUnknown(), " "); u != "allowSMT overprovision flags min_frequency reqECC" {
		t.Error(u)
	}
	// Every x86_64 has sse2.
	if got := ask1(t, p, with(func(p *pb.Pledge) { p.Strict, p.CpuFlags = true, []string{"sse2"} })); len(got.GetOffers()) == 0 || len(got.GetOffers()[0].GetUnknown()) > 0 {
		t.Error(got)
	}
	f := newFake(t)
	f.on("/device/availability", reply(200, "application/json", `{"fi-hel2": {"gpu_plans": {"GPU-12xCPU-240GB-1xH100": {"amount": 1}}}}`))
	h100 := func(strict bool) func(*pb.Pledge) {
		return func(p *pb.Pledge) {
			p.Strict, p.Pci = strict, []*pb.PciRequest{{Vendor: "10de", Model: "2330", Count: 1}}
		}
	}
	f.on("/account", legacy(503, "SERVICE_ERROR", "down")) // its limit has no room for so many cores... and is not known
	got = ask1(t, provider(t, f.URL, nil, Hooks{}), with(h100(false)))
	if len(got.GetOffers()) != 1 || strings.Join(got.GetOffers()[0].GetUnknown(), " ") != "pci" {
		t.Error(got)
	}
	got = ask1(t, provider(t, f.URL, nil, Hooks{}), with(h100(true)))
	if len(got.GetOffers()) != 0 || !hasReason(got.GetReasons(), "pci", "strict=false", "which model") {
		t.Error(got)
	}
}

// A limit of the account is a no that names it.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		limits      string
		change      func(*pb.Pledge)
		want        int // offers
		field, text string
		relax       string
	}{
		{`"cores": 20, "memory": 131072`, nil, 8, "", "", ""},
		{`"cores": 4, "memory": 131072`, nil, 6, "slots", "the account's limit cores is 4, and 2 are in use", "slots=2"},
		{`"cores": 2, "memory": 131072`, nil, 0, "slots", "the account's limit cores is 2, and 2 are in use", ""},
		{`"cores": 20, "memory": 5120`, nil, 3, "ramsize", "the account's limit memory is 5120, and 4096 are in use", "ramsize=1024"},
		{`"public_ipv4": 1`, func(p *pb.Pledge) { p.PublicIpv4 = true }, 0, "public_ipv4", "the account's limit public_ipv4 is 1, and 1 are in use", "public_ipv4=false"},
		{`"public_ipv4": 1`, nil, 8, "", "", ""},
		{`"gpus": 0`, l40s, 0, "pci", "the account's limit gpus is 0, and 0 are in use", ""},
		{`"storage_maxiops": 9`, nil, 6, "boot_disk_gib", "the account's limit storage_maxiops is 9, and 0 are in use", "boot_disk_gib=9"},
		{`"storage_standard": 49`, func(p *pb.Pledge) { p.BootDiskGib = 31 }, 5, "boot_disk_gib", "the account's limit storage_standard is 49, and 20 are in use", "boot_disk_gib=29"},
		{`"storage_total": 60`, func(p *pb.Pledge) { p.BootDiskGib = 50 }, 3, "boot_disk_gib", "the account's limit storage_total is 60, and 20 are in use", "boot_disk_gib=40"},
		{`"something_new": 0`, nil, 8, "", "", ""}, // not known is not no
	} {
		f := newFake(t)
		f.on("/account", reply(200, "application/json", `{"account": {"credits": 1, "username": "tester", "resource_limits": {`+c.limits+`}}}`))
		got := ask1(t, provider(t, f.URL, nil, Hooks{}), with(c.change))
		if len(got.GetOffers()) != c.want {
			t.Errorf("%s: %d offers, want %d\n%s", c.limits, len(got.GetOffers()), c.want, ids1(got.GetOffers()))
		}
		if c.field != "" && !hasReason(got.GetReasons(), c.field, c.relax, c.text) {
			t.Errorf("%s: %v", c.limits, got.GetReasons())
		}
	}
}

// Without credentials offers are of the book, complete but for being for sale.
func TestQuoteOnly(t *testing.T) {
	config, err := sdk.DecodeConfig[Config]([]byte(`{"zones": ["au-syd1"]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := open("eu", config, slog.New(slog.DiscardHandler), Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	got := ask1(t, p, with(func(p *pb.Pledge) { p.Slots, p.MemoryMib, p.PublicIpv4 = 2, 8192, true }))
	if len(got.GetOffers()) < 15 {
		t.Fatalf("%d offers: %v", len(got.GetOffers()), got.GetReasons())
	}
	list, err := p.PriceList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := got.GetOffers()[0]
	if first.GetId() != "unspecified/STARTER-2xCPU-8GB/40g/ipv4" || first.GetFacts()["note"] == "" || strings.Join(first.GetUnknown(), " ") != "misc.os_flavour" {
		t.Errorf("the first is %v", first)
	}
	for _, o := range got.GetOffers() {
		if o.GetQuoteOnly() != "no credentials for eu" || len(o.GetToken()) > 0 || o.GetPriceListRevision() != list.Revision {
			t.Errorf("%v", o)
		}
	}
	if q, err := sdk.QuoteOf(list, first.GetQuantities(), pricing.Month); err != nil || q.Total.String() != "18 EUR" || len(q.Lines) != 3 {
		t.Errorf("%v, %v", q, err)
	}
	// A GPU brings neither disk nor address, and the book has their prices there.
	gpu := ask1(t, p, with(func(p *pb.Pledge) { l40s(p); p.PublicIpv4 = true }))
	if len(gpu.GetOffers()) != 1 || len(gpu.GetOffers()[0].GetQuantities()) != 3 {
		t.Errorf("%v", gpu)
	}
	// Of a larger disk than that of the plan the book has no price.
	if got := ask1(t, p, with(func(p *pb.Pledge) { p.BootDiskGib = 3000 })); len(got.GetOffers()) != 0 || !hasReason(got.GetReasons(), "boot_disk_gib", "boot_disk_gib=400", "no price") {
		t.Errorf("%v", got)
	}
}
