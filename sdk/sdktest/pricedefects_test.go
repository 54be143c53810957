package sdktest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Each defect below is one that an author could make with prices.

type monthlyOrder struct{ *MemProvider }

func (d monthlyOrder) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	month := proto.CloneOf(req)
	month.ForHours = 730
	return d.MemProvider.Offer(ctx, month, send)
}

type datedRows struct {
	*MemProvider
	opened time.Time
}

func (d datedRows) PriceList(ctx context.Context) (*pricing.List, error) {
	return changed(ctx, d.MemProvider, func(l *pricing.List) { l.Prices[0].AsOf = d.opened })
}

type newRevisions struct{ *MemProvider }

func (d newRevisions) PriceList(ctx context.Context) (*pricing.List, error) {
	return changed(ctx, d.MemProvider, func(l *pricing.List) { l.Revision = fmt.Sprint(time.Now().UnixNano()) })
}

type oldRevision struct{ *MemProvider }

func (d oldRevision) PriceList(ctx context.Context) (*pricing.List, error) {
	return changed(ctx, d.MemProvider, func(l *pricing.List) {
		rules := pricing.Billing{MinimumSeconds: 1 + time.Now().UnixNano()%3600}
		l.Prices[0].Billing = &rules
	})
}

type dearSpot struct{ *MemProvider }

func (d dearSpot) PriceList(ctx context.Context) (*pricing.List, error) {
	return changed(ctx, d.MemProvider, func(l *pricing.List) {
		l.Prices[0].Billing = &pricing.Billing{Spot: true, SpotOf: "core-zone-a"} // 0.03 of 0.02
	})
}

func changed(ctx context.Context, m *MemProvider, change func(*pricing.List)) (*pricing.List, error) {
	l, err := m.PriceList(ctx)
	if err != nil {
		return nil, err
	}
	other := *l
	other.Prices = append([]pricing.Price(nil), l.Prices...)
	change(&other)
	return &other, nil
}

// sellsAnything takes every offer for one that can be bought.
type sellsAnything struct{ Plugin }

func (d sellsAnything) Provider(name string) (sdk.Provider, error) {
	p, err := d.Plugin.Provider(name)
	r, ok := p.(*sdk.Remote)
	if !ok {
		return p, err
	}
	return seller{r}, nil
}

type seller struct{ *sdk.Remote }

func (s seller) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	req = proto.CloneOf(req)
	req.Offer.QuoteOnly = ""
	return s.Remote.Create(ctx, req)
}

func TestSuiteFindsDefectsOfPrices(t *testing.T) {
	served := FromClient(Serve(t, sdk.NewServer(Mem(), quietLog())))
	for _, d := range []struct {
		defect string
		plugin Plugin
		name   string // of the case that must fail
		says   string
	}{
		{"order of a month for every horizon", defective(func(m *MemProvider) monthlyOrder { return monthlyOrder{m} }), "life/horizons", "for 2 h and comes after"},
		{"rows of the date of opening", defective(func(m *MemProvider) datedRows { return datedRows{m, time.Now()} }), "config/prices-stable", "opened later"},
		{"a revision for every reader", defective(func(m *MemProvider) newRevisions { return newRevisions{m} }), "config/prices-stable", "the same list is revision"},
		{"other rules under an old revision", defective(func(m *MemProvider) oldRevision { return oldRevision{m} }), "config/prices-stable", "says other things"},
		{"spot above the price on demand", defective(func(m *MemProvider) dearSpot { return dearSpot{m} }), "config/prices", "above"},
		{"sells what can only be quoted", sellsAnything{served}, "life/quote-only", "want Invalid"},
	} {
		t.Run(d.defect, func(t *testing.T) {
			tg := target(func(context.Context) (Plugin, error) { return d.plugin, nil })
			e, err := NewEnv(t.Context(), tg)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range Cases() {
				if c.Name != d.name {
					continue
				}
				if err := RunCase(t.Context(), e, c); err == nil || !strings.Contains(err.Error(), d.says) {
					t.Errorf("%s says %v, want %q", d.name, err, d.says)
				}
				return
			}
			t.Errorf("there is no case %s", d.name)
		})
	}
}

// Without an offer that can be bought, the suite says so instead of failing in
// everything that it tries.
func TestSuiteNeedsAnOfferToBuy(t *testing.T) {
	tg := target(func(context.Context) (Plugin, error) { return FromDefinition(Mem(), quietLog()), nil })
	for config, want := range map[string]string{
		`{"quote_only": "no credentials"}`: "nothing that can be bought for the pledge that fits, the first because no credentials",
		`{"zones": [{"name": "a", "core_price": "0.01", "quote_only": "closed"}, {"name": "b"}]}`: "",
	} {
		tg.Config = config
		e, err := NewEnv(t.Context(), tg)
		if err != nil {
			t.Fatal(err)
		}
		req, err := e.request(t.Context(), e.owner())
		if want == "" && (err != nil || req.GetOffer().GetZone() != "b") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, %v", config, req, err)
		}
	}
}
