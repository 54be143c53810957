package upcloud

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What a quote says of an hour is what the emulator's meter charges for one, line
// by line, whatever the plan brings along.
func TestQuoteIsWhatIsCharged(t *testing.T) {
	for _, c := range []struct {
		plan   string
		change func(*pb.Pledge)
	}{
		{"STARTER-1xCPU-1GB", nil},
		{"STARTER-1xCPU-1GB", func(p *pb.Pledge) { p.PublicIpv4 = true }},
		{"STARTER-1xCPU-1GB", func(p *pb.Pledge) { p.BootDiskGib = 11; p.PublicIpv4 = true }},
		{"PREMIUM-2xCPU-4GB", func(p *pb.Pledge) { p.BootDiskGib = 50; p.PublicIpv4 = true }},
		{"PREMIUM-2xCPU-4GB", func(p *pb.Pledge) { p.BootDiskGib = 51 }},
		{"CLOUDNATIVE-1xCPU-4GB", func(p *pb.Pledge) { p.PublicIpv4 = true }},
		{"custom-3xCPU-5120MB", func(p *pb.Pledge) { p.Slots, p.MemoryMib, p.PublicIpv4 = 3, 5000, true }},
		{"GPU-8xCPU-64GB-1xL40S", func(p *pb.Pledge) { l40s(p); p.PublicIpv4 = true }},
	} {
		t.Run(c.plan, func(t *testing.T) {
			t.Parallel()
			cl := newCloud(t, atOnce())
			p := cl.provider(t, Hooks{})
			offers := ask1(t, p, with(c.change)).GetOffers()
			i := slices.IndexFunc(offers, func(o *pb.Offer) bool { return o.GetShape() == c.plan })
			if i < 0 {
				t.Fatalf("%s is not offered among\n%s", c.plan, ids1(offers))
			}
			req := order1(t, p, c.change)
			req.Offer = offers[i]
			if _, err := p.Create(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			until1(t, p, req)
			list, err := p.PriceList(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			quote, err := sdk.QuoteOf(list, offers[i].GetQuantities(), 1)
			if err != nil {
				t.Fatal(err)
			}
			var cents float64
			for _, charge := range cl.Stats().Charges {
				cents += charge.CentsHour
			}
			charged, err := pricing.NewMoney(fmt.Sprintf("%.6f", cents/100), "EUR")
			if err != nil {
				t.Fatal(err)
			}
			if diff, err := quote.Total.Cmp(charged); err != nil || diff != 0 {
				t.Errorf("quoted %s, charged %s: %+v", quote.Total, charged, cl.Stats().Charges)
			}
			remove1(t, p, req)
		})
	}
}

// The emulator's listings are read whole: all its plans in all its zones, but for
// what is not for sale.
func TestMarketOfEmulator(t *testing.T) {
	cl := newCloud(t, atOnce())
	p := cl.provider(t, Hooks{})
	s, err := p.shop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	zones, plans := upcloud.Zones(), upcloud.Plans()
	if len(s.zones) != len(zones)-1 || len(s.leftOut) != 1 || s.leftOut[0].GetCandidate() != "uk-tst1" {
		t.Errorf("%d zones of %d, left out %v", len(s.zones), len(zones), s.leftOut)
	}
	for _, at := range s.zones {
		for _, what := range at.sold {
			i := slices.IndexFunc(plans, func(o upcloud.Plan) bool { return o.Name == what.plan.name })
			if i < 0 {
				t.Fatalf("the emulator has no plan %s", what.plan.name)
			}
			o, have := plans[i], what.plan
			if have.cores != o.Cores || have.memoryMiB != o.MiB || have.diskGiB != o.GiB || have.gpus != o.GPUs || have.family != o.Family || have.current != o.Current {
				t.Errorf("%+v is read as %+v", o, have)
			}
			if have.gpus > 0 && len(gpuIDs(gpuKind(have.gpuModel))) == 0 {
				t.Errorf("%s has no PCI id", have.gpuModel)
			}
		}
	}
	got := check(t, p)
	if strings.Contains(got, "failed") || !strings.Contains(got, "credentials: ok: account emulator") {
		t.Error(got)
	}
	// Discontinued plans wait for consent; without it they are not there.
	for _, o := range ask1(t, p, with(nil)).GetOffers() {
		if strings.HasPrefix(o.GetShape(), "DEV-") || o.GetFacts()["discontinued"] != "" {
			t.Errorf("%s is offered", o.GetId())
		}
	}
}

// Stock and limits as the emulator has them.
func TestStockAndLimitsOfEmulator(t *testing.T) {
	cl := newCloud(t, atOnce())
	p := cl.provider(t, Hooks{})
	before := ask1(t, p, with(l40s)).GetOffers()
	if len(before) == 0 {
		t.Fatal("no GPU is offered")
	}
	for _, o := range before {
		cl.SetStock(o.GetZone(), o.GetShape(), 0)
	}
	got := ask1(t, cl.provider(t, Hooks{}), with(l40s))
	if len(got.GetOffers()) != 0 || !hasReason(got.GetReasons(), "pci", "", "sold out") {
		t.Errorf("%v", got)
	}
	cl.SetAccount(func(a *upcloud.Account) { a.Limits.Cores = 0 })
	got = ask1(t, cl.provider(t, Hooks{}), with(nil))
	if len(got.GetOffers()) != 0 || !hasReason(got.GetReasons(), "slots", "", "the account's limit cores is 0, and 0 are in use") {
		t.Errorf("%v", got)
	}
}
