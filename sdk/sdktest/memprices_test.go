package sdktest

import (
	"errors"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// memOffers are the ids of a provider's offers for a horizon, in order, and the
// offers.
func memOffers(t *testing.T, m *MemProvider, hours uint32) (ids string, offers []*pb.Offer) {
	t.Helper()
	err := m.Offer(t.Context(), &pb.OfferRequest{Pledge: fitting(), ForHours: hours}, func(r *pb.OfferResponse) error {
		offers = append(offers, r.GetOffers()...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offers {
		zone, spot, _ := strings.Cut(o.GetId(), "/mem-2-1024")
		ids += " " + zone + spot
	}
	return strings.TrimSpace(ids), offers
}

func TestMemUnderRules(t *testing.T) {
	m := openMem(t, `{"zones": [{"name": "exact"},
		{"name": "plan", "core_price": "0.024", "spot_price": "0.0235", "billing": {"cap_hours": 480, "increment_seconds": 3600, "includes": [{"sku": "disk", "amount": "3"}]}}]}`)
	for hours, want := range map[uint32]string{2: "exact plan-spot plan", 720: "plan-spot plan exact"} {
		if got, _ := memOffers(t, m, hours); got != want {
			t.Errorf("for %d h the order is %s, want %s", hours, got, want)
		}
	}
	_, offers := memOffers(t, m, 720)
	q, err := sdk.QuoteOf(m.list, offers[0].GetQuantities(), 720)
	if err != nil {
		t.Fatal(err)
	}
	// Two thirds of a core bring two of the ten GiB of disk.
	included := 0
	for _, l := range q.Lines {
		if l.Quantity.Included {
			included++
		}
	}
	if !q.Spot() || included != 1 || q.Lines[0].Total.String() != "7.52 EUR" {
		t.Errorf("%+v", q)
	}
}

// Without rules prices and offers are what they were.
func TestMemByDefault(t *testing.T) {
	m := openMem(t, `{}`)
	for _, p := range m.list.Prices {
		if p.Billing != nil || p.Family != "" || p.Source != "" {
			t.Errorf("%+v", p)
		}
	}
	ids, offers := memOffers(t, m, 730)
	if ids != "zone-a" || offers[0].GetQuoteOnly() != "" {
		t.Errorf("%v", offers)
	}
}

func TestMemQuoteOnly(t *testing.T) {
	dir := t.TempDir()
	open := func(quoteOnly string) *MemProvider {
		return openMem(t, `{"state_dir":"`+dir+`","quote_only":"`+quoteOnly+`"}`)
	}
	if _, offers := memOffers(t, open("no credentials"), 1); len(offers) != 1 || offers[0].GetQuoteOnly() != "no credentials" {
		t.Errorf("%v", offers)
	}
	if _, err := open("no credentials").Create(t.Context(), memRequest("k1")); sdk.KindOf(err) != sdk.Denied {
		t.Errorf("%v, want Denied", err)
	}
	// What was made before is found, and never denied.
	if _, err := open("").Create(t.Context(), memRequest("k2")); err != nil {
		t.Fatal(err)
	}
	if i, err := open("no credentials").Create(t.Context(), memRequest("k2")); err != nil || i.GetId() == "" {
		t.Errorf("%v, %v", i, err)
	}
}

func TestMemPriceFaults(t *testing.T) {
	for _, tt := range []struct{ config, path, text string }{
		{`{"billing":{"cap_hours":731}}`, "billing", "cap_hours 731"},
		{`{"zones":[{"name":"a","billing":{"stopped":"often"}}]}`, "zones[0].billing", "stopped"},
		{`{"zones":[{"name":"a","spot_price":"0"}]}`, "zones[0].spot_price", ""},
		{`{"zones":[{"name":"a","spot_price":"0.03"}]}`, "zones", "above"},
		{`{"billing":{"includes":[{"sku":"gpu","amount":"1"}]}}`, "zones", "want another one of the list"},
	} {
		_, err := sdk.DecodeConfig[MemConfig]([]byte(tt.config), nil)
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || len(e.Faults) != 1 || e.Faults[0].Path != tt.path || !strings.Contains(e.Faults[0].Text, tt.text) {
			t.Errorf("%s: %v", tt.config, err)
		}
	}
}
