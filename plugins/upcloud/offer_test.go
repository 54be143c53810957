package upcloud

import (
	"slices"
	"strings"
	"testing"
	"time"

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
		{name: "volumes to share", change: func(p *pb.Pledge) { p.Volumes = []*pb.VolumeRequest{{Name: "x", Shareable: true}} }, field: "volumes", text: "of one server at a time"},
		{name: "volumes to boot", change: func(p *pb.Pledge) { p.Volumes = []*pb.VolumeRequest{{Name: "x", Bootable: true}} }, field: "volumes", text: "boot the disk that they are made with"},
		{name: "volumes to read", change: func(p *pb.Pledge) { p.Volumes = []*pb.VolumeRequest{{Vid: "x", ReadOnly: true}} }, field: "volumes", text: "attached for reading alone"},
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
