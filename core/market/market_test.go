package market_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
)

// stall is a provider made of functions.
type stall struct {
	name   string
	offer  func(ctx context.Context, emit func([]core.Offer, []core.Reason) error) error
	prices func(ctx context.Context) (*pricing.List, error)
}

func (s stall) Name() string   { return s.name }
func (s stall) Plugin() string { return "stall" }

func (s stall) Offer(ctx context.Context, _ core.Pledge, _ core.OfferQuery, emit func([]core.Offer, []core.Reason) error) error {
	return s.offer(ctx, emit)
}
func (s stall) PriceList(ctx context.Context) (*pricing.List, error) { return s.prices(ctx) }

func amount(text string) pricing.Money {
	m, err := pricing.NewMoney(text, "EUR")
	if err != nil {
		panic(err)
	}
	return m
}

func prices(context.Context) (*pricing.List, error) {
	return &pricing.List{Revision: "r1", Prices: []pricing.Price{{SKU: "vm", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: amount("0.01")}}}, nil
}

// hour prices one hour from now.
func hour() market.Pricing {
	return market.Pricing{Horizon: 1, Begin: time.Now(), NewID: func() string { return "q" }}
}

func offerOf(provider string) core.Offer {
	return core.Offer{ID: "o", Provider: provider, Zone: "z", Shape: "s", Quantities: []pricing.Quantity{{SKU: "vm", Amount: "1"}}, ListRevision: "r1"}
}

func good(name string) stall {
	return stall{name: name, prices: prices, offer: func(_ context.Context, emit func([]core.Offer, []core.Reason) error) error {
		return emit([]core.Offer{offerOf(name)}, []core.Reason{{Field: "slots", Text: "another host is full"}})
	}}
}

// Whatever one provider does, the others' answers arrive by the deadline and
// the fault is named.
func TestOneBadProviderSpoilsNothing(t *testing.T) {
	hang := make(chan struct{})
	for _, c := range []struct {
		name string
		bad  stall
		kind core.Kind
		text string
	}{
		{"slow", stall{prices: prices, offer: func(ctx context.Context, _ func([]core.Offer, []core.Reason) error) error {
			<-ctx.Done()
			return ctx.Err()
		}}, core.Unavailable, "no whole answer within 2s"},
		{"hung", stall{prices: prices, offer: func(context.Context, func([]core.Offer, []core.Reason) error) error {
			<-hang
			return nil
		}}, core.Unavailable, "no whole answer within 2"},
		{"failing", stall{prices: prices, offer: func(context.Context, func([]core.Offer, []core.Reason) error) error {
			return core.Errorf(core.Denied, "bad token")
		}}, core.Denied, "bad token"},
		{"broken", stall{prices: prices, offer: func(context.Context, func([]core.Offer, []core.Reason) error) error {
			return errors.New("boom")
		}}, core.Internal, "boom"},
		{"flooding", stall{prices: prices, offer: func(_ context.Context, emit func([]core.Offer, []core.Reason) error) error {
			for {
				if err := emit(make([]core.Offer, 10), nil); err != nil {
					return err
				}
			}
		}}, core.Internal, "more than 1000 offers"},
		{"without prices", stall{prices: func(context.Context) (*pricing.List, error) { return nil, errors.New("no list") }, offer: good("bad").offer}, core.Internal, "no list"},
		{"with a price of zero", stall{prices: func(context.Context) (*pricing.List, error) {
			return &pricing.List{Revision: "r1", Prices: []pricing.Price{{SKU: "vm", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: amount("0")}}}, nil
		}, offer: good("bad").offer}, core.Internal, "not declared free"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hang = make(chan struct{})
				defer close(hang)
				c.bad.name = "bad"
				start := time.Now()
				var order []string
				answers := market.Gather(t.Context(), []market.Provider{c.bad, good("good")}, core.Pledge{}, core.OfferQuery{Horizon: 1},
					market.Options{ProviderDeadline: 2 * time.Second, Deadline: 3 * time.Second, MaxOffers: 1000},
					func(a core.Answer) { order = append(order, a.Provider) })
				if took := time.Since(start); took > 2500*time.Millisecond {
					t.Errorf("took %s", took)
				}
				bad, fine := answers[0], answers[1]
				if fine.Err != nil || len(fine.Offers) != 1 || len(fine.Reasons) != 1 || fine.Reasons[0].Provider != "good" {
					t.Errorf("the good one: %+v", fine)
				}
				if bad.Err == nil || bad.Err.Kind != c.kind || !strings.Contains(bad.Err.Error(), c.text) {
					t.Errorf("the bad one: %v, want %s with %q", bad.Err, c.kind, c.text)
				}
				if len(order) != 2 {
					t.Errorf("told of %v", order)
				}
				quotes, _ := market.Quotes(answers, hour())
				if len(quotes) != 1 || quotes[0].Provider != "good" {
					t.Errorf("quotes: %+v", quotes)
				}
			})
		})
	}
}

func TestQuotesLeaveOutWhatHasNoWholePrice(t *testing.T) {
	list, err := prices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*core.Offer){
		"no quantities":    func(o *core.Offer) { o.Quantities = nil },
		"an unknown sku":   func(o *core.Offer) { o.Quantities = append(o.Quantities, pricing.Quantity{SKU: "disk", Amount: "1"}) },
		"another revision": func(o *core.Offer) { o.ListRevision = "r0" },
		"infinity":         func(o *core.Offer) { o.Quantities[0].Amount = fmt.Sprint(math.Inf(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			o := offerOf("p")
			change(&o)
			quotes, reasons := market.Quotes([]core.Answer{{Provider: "p", Offers: []core.Offer{o}, Prices: list}}, hour())
			if len(quotes) != 0 || len(reasons) != 1 || reasons[0].Field != "price" {
				t.Errorf("%+v, %+v", quotes, reasons)
			}
		})
	}
}

func TestQuotesHeedRefusals(t *testing.T) {
	list, err := prices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	answers := []core.Answer{{Provider: "p", Offers: []core.Offer{offerOf("p")}, Prices: list}}
	for _, c := range []struct {
		name    string
		refusal core.Refusal
		want    int
	}{
		{"of the shape", core.Refusal{Provider: "p", Zone: "z", Shape: "s", Until: now.Add(time.Minute)}, 0},
		{"of the whole provider", core.Refusal{Provider: "p", Until: now.Add(time.Minute)}, 0},
		{"until it is forgotten", core.Refusal{Provider: "p"}, 0},
		{"over", core.Refusal{Provider: "p", Until: now.Add(-time.Minute)}, 1},
		{"of another zone", core.Refusal{Provider: "p", Zone: "y", Until: now.Add(time.Minute)}, 1},
		{"of another provider", core.Refusal{Provider: "q", Until: now.Add(time.Minute)}, 1},
		{"of its volumes", core.Refusal{Provider: "p", Shape: core.AllVolumes, Until: now.Add(time.Minute)}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			how := hour()
			how.Begin, how.Refusals = now, []core.Refusal{c.refusal}
			quotes, reasons := market.Quotes(answers, how)
			if len(quotes) != c.want || len(reasons) != 1-c.want {
				t.Errorf("%d quotes, %d reasons", len(quotes), len(reasons))
			}
		})
	}
}
