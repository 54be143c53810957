package upcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func small() *pb.Pledge {
	return &pb.Pledge{Slots: 1, AllowSmt: true, MemoryMib: 1024, OsFamily: "linux", OsFlavour: "debian", BootDiskGib: 10}
}

// with is a pledge with a change.
func with(change func(*pb.Pledge)) *pb.OfferRequest {
	p := small()
	if change != nil {
		change(p)
	}
	return &pb.OfferRequest{Pledge: p, ForHours: 730}
}

func l40s(p *pb.Pledge) { p.Pci = []*pb.PciRequest{{Vendor: "10de", Model: "26b9", Count: 1}} }

// The offers of each pledge, the cheapest first, and why not.
func TestOffers(t *testing.T) {
	const network = "034c12bc-cf15-4b19-97b2-0ab4e51bb98d"
	for _, c := range []struct {
		name   string
		config map[string]any
		change func(*pb.Pledge)
		want   string // ids, with blanks between them
		// reason is one that is there: field, relaxation and a part of its text.
		field, relax, text string
	}{
		{
			name: "all sizes",
			want: "fi-hel1/STARTER-1xCPU-1GB/10g fi-hel2/STARTER-1xCPU-1GB/10g fi-hel1/STARTER-2xCPU-4GB/30g fi-hel1/custom-1xCPU-1024MB/10g " +
				"fi-hel1/CLOUDNATIVE-2xCPU-4GB/10g fi-hel1/PREMIUM-2xCPU-4GB/50g fi-hel2/PREMIUM-8xCPU-32GB/200g fi-hel1/PREMIUM-8xCPU-32GB/200g",
			field: "zone", text: "the price list does not have this zone",
		},
		{
			name: "whole cores are two each", change: func(p *pb.Pledge) { p.AllowSmt = false; p.Slots = 2 },
			want: "fi-hel1/custom-4xCPU-5120MB/10g fi-hel2/PREMIUM-8xCPU-32GB/200g fi-hel1/PREMIUM-8xCPU-32GB/200g",
		},
		{
			name: "a size between", change: func(p *pb.Pledge) { p.Slots = 3; p.MemoryMib = 5000 },
			want: "fi-hel1/custom-3xCPU-5120MB/10g fi-hel2/PREMIUM-8xCPU-32GB/200g fi-hel1/PREMIUM-8xCPU-32GB/200g",
		},
		{
			name: "without free sizes", config: map[string]any{"custom_sizes": "never"}, change: func(p *pb.Pledge) { p.Slots = 3; p.MemoryMib = 5000 },
			want: "fi-hel2/PREMIUM-8xCPU-32GB/200g fi-hel1/PREMIUM-8xCPU-32GB/200g",
		},
		{
			name: "discontinued", config: map[string]any{"discontinued": true, "zones": []string{"fi-hel1"}}, change: func(p *pb.Pledge) { p.BootDiskGib = 80; p.MemoryMib = 4096 },
			want: "fi-hel1/STARTER-2xCPU-4GB/80g fi-hel1/2xCPU-4GB/80g fi-hel1/CLOUDNATIVE-2xCPU-4GB/80g fi-hel1/PREMIUM-2xCPU-4GB/80g " +
				"fi-hel1/custom-2xCPU-4096MB/80g fi-hel1/PREMIUM-8xCPU-32GB/200g",
		},
		{
			name: "a GPU", change: l40s, want: "fi-hel2/GPU-8xCPU-64GB-1xL40S/10g",
		},
		{
			name: "a GPU that may be taken back", config: map[string]any{"spot": true}, change: l40s,
			want: "fi-hel2/GPU-SPOT-8xCPU-64GB-1xL40S/10g fi-hel2/GPU-8xCPU-64GB-1xL40S/10g",
		},
		{
			name: "a GPU of which none is left", change: func(p *pb.Pledge) { p.Pci = []*pb.PciRequest{{Vendor: "10de", Model: "2331", Count: 1}} },
			field: "pci", text: "sold out: fi-hel2/GPU-12xCPU-240GB-1xH100",
		},
		{
			name: "two GPUs", change: func(p *pb.Pledge) { l40s(p); p.Pci[0].Count = 2 }, field: "pci", relax: "pci=[]", text: "2 × 10de:26b9: no plan that fits otherwise has these devices",
		},
		{
			name: "another device", change: func(p *pb.Pledge) { p.Pci = []*pb.PciRequest{{Vendor: "10de", Model: "1bb1", Count: 1}} },
			field: "pci", relax: "pci=[]", text: "no plan that fits otherwise has these devices",
		},
		{
			name: "an address", config: map[string]any{"zones": []string{"fi-hel1"}, "custom_sizes": "never"}, change: func(p *pb.Pledge) { p.PublicIpv4 = true },
			want: "fi-hel1/STARTER-1xCPU-1GB/10g/ipv4 fi-hel1/STARTER-2xCPU-4GB/30g/ipv4 fi-hel1/CLOUDNATIVE-2xCPU-4GB/10g/ipv4 " +
				"fi-hel1/PREMIUM-2xCPU-4GB/50g/ipv4 fi-hel1/PREMIUM-8xCPU-32GB/200g/ipv4",
		},
		{
			name: "a private network", config: map[string]any{"private_network": network},
			want:  "fi-hel2/STARTER-1xCPU-1GB/10g/" + network + " fi-hel2/PREMIUM-8xCPU-32GB/200g/" + network,
			field: "networks", text: "network " + network + " is in fi-hel2",
		},
		{
			name: "a network of the pledge", change: func(p *pb.Pledge) { p.Networks = []string{network} },
			want: "fi-hel2/STARTER-1xCPU-1GB/10g/" + network + " fi-hel2/PREMIUM-8xCPU-32GB/200g/" + network,
		},
		{name: "no such network", change: func(p *pb.Pledge) { p.Networks = []string{strings.Replace(network, "0", "1", 1)} }, field: "networks", text: "the account has no private network"},
		{name: "no UUID", change: func(p *pb.Pledge) { p.Networks = []string{"backend"} }, field: "networks", relax: "networks=[]", text: "is no UUID"},
		{
			name: "a template of one zone", config: map[string]any{"images": []map[string]any{{"os_family": "linux", "os_flavour": "golden", "template": "golden 2"}}, "custom_sizes": "never"},
			change: func(p *pb.Pledge) { p.OsFlavour = "golden"; p.MemoryMib = 4096 },
			// It is of 60 GiB: the disk is that large, and paid for as a whole where the plan brings less.
			want:  "fi-hel1/STARTER-2xCPU-4GB/60g fi-hel1/CLOUDNATIVE-2xCPU-4GB/60g fi-hel1/PREMIUM-2xCPU-4GB/60g fi-hel1/PREMIUM-8xCPU-32GB/200g",
			field: "misc.os_flavour", text: "no template of linux/golden is in fi-hel2",
		},
		{
			name: "a licence", config: map[string]any{"images": []map[string]any{{"os_family": "windows", "template": "Windows.*"}}},
			change: func(p *pb.Pledge) { p.OsFamily = "windows"; p.OsFlavour = "" }, field: "misc.os_flavour", text: "has a licence fee",
		},
		{name: "no such system", change: func(p *pb.Pledge) { p.OsFlavour = "plan9" }, field: "misc.os_flavour", relax: "misc.os_flavour=debian", text: "there is no such template, but debian, ubuntu, rocky"},
		{name: "too many cores", change: func(p *pb.Pledge) { p.Slots = 200 }, field: "slots", relax: "slots=8", text: "200 cores: no plan that fits otherwise has as many"},
		{name: "too many whole cores", change: func(p *pb.Pledge) { p.Slots = 100; p.AllowSmt = false }, field: "slots", relax: "slots=4", text: "200 cores"},
		{name: "too much memory", change: func(p *pb.Pledge) { p.MemoryMib = 40000 }, field: "ramsize", relax: "ramsize=32768", text: "40000 MiB: no plan"},
		{name: "beyond any number", change: func(p *pb.Pledge) { p.MemoryMib = 1 << 63 }, field: "ramsize", relax: "ramsize=32768", text: "no plan"},
		{name: "both", change: func(p *pb.Pledge) { p.Slots = 200; p.MemoryMib = 1 << 40 }, field: "ramsize", relax: "", text: "no plan that fits otherwise"},
		{name: "another architecture", change: func(p *pb.Pledge) { p.Archs = []string{"aarch64"} }, field: "archs", relax: "archs=X86_64", text: "x86_64 alone"},
		{name: "volumes", change: func(p *pb.Pledge) { p.Volumes = []*pb.VolumeRequest{{Vid: "x"}} }, field: "volumes", relax: "volumes=[]", text: "cannot attach volumes yet"},
		{name: "efi", change: func(p *pb.Pledge) { p.Firmware = "efi" }, field: "firmware", relax: "firmware=bios", text: "no choice of firmware"},
		{name: "tpm", change: func(p *pb.Pledge) { p.Tpm = true }, field: "tpm", relax: "tpm=false", text: "no TPM"},
		{name: "a disk beyond all", change: func(p *pb.Pledge) { p.BootDiskGib = 1 << 40 }, field: "boot_disk_gib", relax: "boot_disk_gib=4096", text: "the largest disk has 4096"},
		{name: "strict about the processor", change: func(p *pb.Pledge) { p.Strict = true; p.CpuFlags = []string{"avx512f"} }, field: "flags", relax: "flags=[]", text: "avx512f"},
		{name: "strict about ECC", change: func(p *pb.Pledge) { p.Strict = true; p.RequireEcc = true }, field: "reqECC", relax: "reqECC=false", text: "corrects errors"},
		{name: "strict about whole cores", change: func(p *pb.Pledge) { p.Strict = true; p.AllowSmt = false }, field: "allowSMT", relax: "allowSMT=true", text: "threads of the same one"},
		{
			name: "a private zone that is named", config: map[string]any{"custom_sizes": "never", "zones": []string{"xx-own1"}},
			change: func(p *pb.Pledge) { p.BootDiskGib = 75 }, want: "xx-own1/PREMIUM-2xCPU-4GB/75g",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := provider(t, newFake(t).URL, c.config, Hooks{})
			req := with(c.change)
			got := ask1(t, p, req)
			if ids := strings.ReplaceAll(ids1(got.Offers), "\n", " "); ids != c.want {
				t.Errorf("offers\n%s\nwant\n%s", ids1(got.Offers), strings.ReplaceAll(c.want, " ", "\n"))
			}
			if c.field != "" && !hasReason(got.GetReasons(), c.field, c.relax, c.text) {
				t.Errorf("reasons %v, want one about %s with %q: %s", got.GetReasons(), c.field, c.relax, c.text)
			}
			if len(got.GetOffers())+len(got.GetReasons()) == 0 {
				t.Error("neither offers nor reasons")
			}
			fair(t, p, req, got.GetOffers())
		})
	}
}

func hasReason(reasons []*pb.Reason, field, relax, text string) bool {
	return slices.ContainsFunc(reasons, func(r *pb.Reason) bool {
		return r.GetField() == field && r.GetRelax() == relax && strings.Contains(r.GetText(), text)
	})
}

// fair is what holds for all offers: each is priced by the provider's own list,
// in order, stands for 15 minutes, and carries what Create needs.
func fair(t *testing.T, p *Provider, req *pb.OfferRequest, offers []*pb.Offer) {
	t.Helper()
	list, err := p.PriceList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var last pricing.Money
	for _, o := range offers {
		q, err := sdk.QuoteOf(list, o.GetQuantities(), pricing.Horizon(req.GetForHours()))
		if err != nil {
			t.Fatalf("%s: %v", o.GetId(), err)
		}
		if c, err := q.Total.Cmp(last); last.IsSet() && (err != nil || c < 0) {
			t.Errorf("%s at %s comes after %s", o.GetId(), q.Total, last)
		}
		last = q.Total
		if o.GetPriceListRevision() != list.Revision || o.GetQuoteOnly() != "" {
			t.Errorf("%s: list %s, quote only %q", o.GetId(), o.GetPriceListRevision(), o.GetQuoteOnly())
		}
		if life := time.Until(o.GetExpiresAt().AsTime()); life < 14*time.Minute || life > 15*time.Minute {
			t.Errorf("%s stands for %v", o.GetId(), life)
		}
		m, err := machineOf(o.GetToken())
		if err != nil {
			t.Fatalf("%s: %v", o.GetId(), err)
		}
		if m.Zone != o.GetZone() || m.Plan != o.GetShape() && !strings.HasPrefix(o.GetShape(), "custom-") || m.Cores != int(o.GetVcpus()) || m.MemoryMiB != int(o.GetMemoryMib()) ||
			m.DiskGiB < int(req.GetPledge().GetBootDiskGib()) || m.PublicIPv4 != req.GetPledge().GetPublicIpv4() || m.Title == "" {
			t.Errorf("%s carries %+v", o.GetId(), m)
		}
		if o.GetVcpus() < req.GetPledge().GetSlots() || o.GetMemoryMib() < req.GetPledge().GetMemoryMib() || o.GetArch() != "x86_64" || !strings.HasPrefix(o.GetZone(), o.GetRegion()) || o.GetRegion() == o.GetZone() {
			t.Errorf("%v", o)
		}
	}
}

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

func TestOfferByID(t *testing.T) {
	p := provider(t, newFake(t).URL, nil, Hooks{})
	for id, want := range map[string]string{
		"fi-hel1/STARTER-2xCPU-4GB/30g":   "",
		"fi-hel1/custom-1xCPU-1024MB/10g": "",
		"fi-hel1/STARTER-2xCPU-4GB/31g":   "not made any more",
		"fi-hel9/STARTER-2xCPU-4GB/30g":   "not made any more",
		"fi-hel1/2xCPU-4GB/80g":           "discontinued",
	} {
		req := with(nil)
		req.OfferId = id
		got := ask1(t, p, req)
		switch {
		case want == "" && ids1(got.GetOffers()) != id:
			t.Errorf("%s: %v", id, got)
		case want != "" && (len(got.GetOffers()) > 0 || len(got.GetReasons()) != 1 || !strings.Contains(got.GetReasons()[0].GetText(), want)):
			t.Errorf("%s: %v, want a reason with %q", id, got, want)
		}
	}
}

func TestLimitAndHorizon(t *testing.T) {
	p := provider(t, newFake(t).URL, nil, Hooks{})
	all := ask1(t, p, with(nil)).GetOffers()
	req := with(nil)
	req.Limit = 3
	if got := ask1(t, p, req).GetOffers(); ids1(got) != ids1(all[:3]) {
		t.Errorf("%s", ids1(got))
	}
	for _, hours := range []uint32{1, 2, 744, 8760} {
		req := with(nil)
		req.ForHours = hours
		fair(t, p, req, ask1(t, p, req).GetOffers())
	}
}

// Many offers cost one reading of each list, and what limits the account is read
// again after seconds.
func TestRequestsAreFew(t *testing.T) {
	now := time.Now()
	f := newFake(t)
	p := provider(t, f.URL, nil, Hooks{Now: func() time.Time { return now }})
	ask1(t, p, with(nil))
	first := f.asked()
	slices.Sort(first)
	want := []string{"GET /account", "GET /plan", "GET /price", "GET /server", "GET /server_size", "GET /storage/normal", "GET /storage/template", "GET /zone"}
	if !slices.Equal(first, want) {
		t.Errorf("the first offer asks %v, want %v", first, want)
	}
	for range 5 {
		ask1(t, p, with(nil))
	}
	if more := f.asked(); len(more) > 0 {
		t.Errorf("the next ones ask %v", more)
	}
	now = now.Add(21 * time.Second)
	ask1(t, p, with(nil))
	more := f.asked()
	slices.Sort(more)
	if !slices.Equal(more, []string{"GET /account", "GET /server", "GET /storage/normal"}) {
		t.Errorf("after seconds: %v", more)
	}
	now = now.Add(10 * time.Minute)
	ask1(t, p, with(nil))
	if more = f.asked(); len(more) != len(want) {
		t.Errorf("after minutes: %v", more)
	}
}

// What cannot be asked is an error of its kind; what only limits is not.
func TestOfferFails(t *testing.T) {
	for path, want := range map[string]sdk.Kind{
		"/plan": sdk.Denied, "/price": sdk.Denied, "/zone": sdk.Denied, "/storage/template": sdk.Denied,
		"/account": "", "/server": "", "/storage/normal": "", "/server_size": "", "/device/availability": "",
	} {
		f := newFake(t)
		f.on(path, legacy(http.StatusForbidden, "ACTION_FORBIDDEN", "no"))
		err := provider(t, f.URL, nil, Hooks{}).Offer(t.Context(), with(l40s), func(r *pb.OfferResponse) error {
			if len(r.GetOffers()) != 1 {
				t.Errorf("%s: %v", path, r)
			}
			return nil
		})
		if sdk.KindOf(err) != want {
			t.Errorf("%s forbidden: %v of kind %q, want %q", path, err, sdk.KindOf(err), want)
		}
	}
}

// What an offer can do without does not keep it waiting for longer than half of
// the caller's time.
func TestOfferDoesNotWaitForLimits(t *testing.T) {
	f := newFake(t)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	hang := func(http.ResponseWriter, *http.Request) { <-done }
	f.on("/account", hang)
	f.on("/ip_address", hang)
	f.on("/device/availability", hang)
	p := provider(t, f.URL, nil, Hooks{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	offers := 0
	err := p.Offer(ctx, with(func(p *pb.Pledge) { l40s(p); p.PublicIpv4 = true }), func(r *pb.OfferResponse) error {
		offers += len(r.GetOffers())
		return nil
	})
	if err != nil || offers != 1 || ctx.Err() != nil {
		t.Errorf("%d offers, %v, %v", offers, err, ctx.Err())
	}
}

// The token is this plugin's, and whole.
func TestToken(t *testing.T) {
	for _, m := range []*machine{
		{Zone: "fi-hel1", Cores: 1, MemoryMiB: 1, Template: "01000000-0000-4000-8000-000030240200", Title: "plain (x)", DiskGiB: 1, Tier: "maxiops"},
		{
			Zone: "fi-hel1", Plan: "1xCPU-1GB", Cores: 4096, MemoryMiB: 1 << 26, Template: "01000000-0000-4000-8000-000030240200",
			Title: "\"quoted\" \\ <b>&\x00 \u2028 ä 日本", DiskGiB: 4096, Tier: "standard", PublicIPv4: true, Networks: []string{"a", "b\n"},
		},
	} {
		got, err := m.token()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, bad := range []string{"", "{}", "null", `{"zone":"a","cores":1,"memory_mib":1,"disk_gib":1,"tier":"maxiops","template":"x"}`, `{"zone":"a"`} {
		if _, err := machineOf([]byte(bad)); sdk.KindOf(err) != sdk.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Two providers of equal settings give equal answers.
func TestOffersAreStable(t *testing.T) {
	now := time.Now()
	f := newFake(t)
	hooks := Hooks{Now: func() time.Time { return now }}
	a, b := ask1(t, provider(t, f.URL, nil, hooks), with(nil)), ask1(t, provider(t, f.URL, nil, hooks), with(nil))
	if !proto.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

// A listing in another order is the same to users.
func TestOrderOfListingsDoesNotMatter(t *testing.T) {
	body, err := os.ReadFile("testdata/api/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(body)), "\n")
	plans := lines[1 : len(lines)-1]
	slices.Reverse(plans)
	plans[0] += ","
	plans[len(plans)-1] = strings.TrimSuffix(plans[len(plans)-1], ",")
	f := newFake(t)
	before := ask1(t, provider(t, f.URL, nil, Hooks{}), with(nil))
	f.on("/plan", reply(200, "application/json", strings.Join(lines, "\n")))
	after := ask1(t, provider(t, f.URL, nil, Hooks{}), with(nil))
	if ids1(before.GetOffers()) != ids1(after.GetOffers()) || before.GetOffers()[0].GetPriceListRevision() != after.GetOffers()[0].GetPriceListRevision() {
		t.Errorf("%s\n%s", ids1(before.GetOffers()), ids1(after.GetOffers()))
	}
}
