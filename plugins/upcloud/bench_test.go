package upcloud

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

const benchPlans, benchZones = 100, 15

// bigFake is a cloud of 100 plans in 15 zones, all of which fit the pledge, and of
// 1,000 free sizes.
func bigFake(t testing.TB) *fakeAPI {
	t.Helper()
	f := newFake(t)
	plans, zones, prices := "", "", ""
	for i := range benchPlans {
		if i > 0 {
			plans += ","
		}
		plans += fmt.Sprintf(`{"name": "PREMIUM-%dxCPU-%dGB", "core_number": %d, "memory_amount": %d, "storage_size": %d, "storage_tier": "maxiops", "family": "premium", "current_offering": "yes"}`,
			i+1, 2*i+2, i+1, (2*i+2)<<10, 10+i)
	}
	for z := range benchZones {
		if z > 0 {
			zones, prices = zones+",", prices+","
		}
		zones += fmt.Sprintf(`{"id": "zz-top%d", "public": "yes"}`, z+1)
		prices += fmt.Sprintf(`{"name": "zz-top%d", "ipv4_address": {"amount": 1, "price": 0.4812}, "storage_maxiops": {"amount": 1, "price": 0.031}, "server_core": {"amount": 1, "price": 1.12}, "server_memory": {"amount": 256, "price": 0.14}`, z+1)
		for i := range benchPlans {
			prices += fmt.Sprintf(`, "server_plan_PREMIUM-%dxCPU-%dGB": {"amount": 1, "price": %d.%d}`, i+1, 2*i+2, 3*(i+1), 1000+z*benchPlans+i)
		}
		prices += "}"
	}
	f.on("/plan", reply(200, "application/json", `{"plans": {"plan": [`+plans+`]}}`))
	sizes := `{"core_number": "1", "memory_amount": "1024"}`
	for i := range 1000 {
		sizes += fmt.Sprintf(`, {"core_number": "%d", "memory_amount": "%d"}`, 1+i/50, (1+i%50)<<10)
	}
	f.on("/server_size", reply(200, "application/json", `{"server_sizes": {"server_size": [`+sizes+`]}}`))
	f.on("/zone", reply(200, "application/json", `{"zones": {"zone": [`+zones+`]}}`))
	f.on("/price", reply(200, "application/json", `{"prices": {"currency": "EUR", "zone": [`+prices+`]}}`))
	f.on("/account", reply(200, "application/json", `{"account": {"credits": 1, "username": "tester", "resource_limits": {"cores": 1000, "memory": 1048576, "public_ipv4": 100}}}`))
	return f
}

// BenchmarkOffer is one Offer from what is kept: 1,500 candidates, each priced.
func BenchmarkOffer(b *testing.B) {
	p := provider(b, bigFake(b).URL, nil, Hooks{})
	for _, limit := range []uint32{10, 0} {
		req := with(func(p *pb.Pledge) { p.PublicIpv4 = true })
		req.Limit = limit
		b.Run(fmt.Sprintf("limit=%d", limit), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := ask1(b, p, req); len(got.GetOffers()) == 0 {
					b.Fatal(got)
				}
			}
		})
	}
	// The least that it can be: a comparison of each and a sort by a number.
	b.Run("plain-loop", func(b *testing.B) {
		s, err := p.shop(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		type row struct {
			plan  *plan
			at    *place
			price int
		}
		rows := make([]row, 0, benchPlans*benchZones)
		b.ReportAllocs()
		for b.Loop() {
			rows = rows[:0]
			for z, at := range s.zones {
				for i := range at.sold {
					if p := at.sold[i].plan; p.cores >= 1 && p.memoryMiB >= 1024 {
						rows = append(rows, row{p, at, p.cores*100 + z})
					}
				}
			}
			slices.SortFunc(rows, func(a, b row) int { return a.price - b.price })
		}
		if len(rows) != benchPlans*benchZones {
			b.Fatal(len(rows))
		}
	})
}

// An Offer over 100 plans × 15 zones from what is kept takes less than 5 ms, with
// room for a machine that is busy.
func TestOfferIsFast(t *testing.T) {
	p := provider(t, bigFake(t).URL, nil, Hooks{})
	req := with(func(p *pb.Pledge) { p.PublicIpv4 = true })
	if got := ask1(t, p, req); len(got.GetOffers()) != (benchPlans+1)*benchZones {
		t.Fatalf("%d offers: %v", len(got.GetOffers()), got.GetReasons())
	}
	req.Limit = 20
	best := time.Hour
	for range 20 {
		begun := time.Now()
		ask1(t, p, req)
		best = min(best, time.Since(begun))
	}
	if limit := 5 * time.Millisecond; best > limit*raceFactor {
		t.Errorf("%v, want at most %v", best, limit*raceFactor)
	}
}

// Recorded listings are large enough that reading them matters.
func BenchmarkDecodePrices(b *testing.B) {
	body := recorded(b, "getpricezones.yaml", "/1.3/price")
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, _, err := decodePrices(body); err != nil {
			b.Fatal(err)
		}
	}
}
