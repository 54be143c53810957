package alloc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
)

func TestQuoteBinds(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*cloud)
		kind   core.Kind
		want   string
	}{
		{"dearer", func(c *cloud) { c.amount = "0.011" }, core.Conflict, "price rose from"},
		{"another machine", func(c *cloud) { c.vcpus = 1 }, core.Conflict, "machine changed from"},
		{"cheaper", func(c *cloud) { c.amount = "0.009" }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "0.01", "0.02")
			req := w.request("web1")
			c.change(w.clouds["c1"])
			a, err := w.engine(nil).Start(t.Context(), req, nil)
			if core.KindOf(err) != c.kind || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %s with %q", err, c.kind, c.want)
			}
			if err != nil {
				if a.State != core.Failed || w.clouds["c1"].creates+w.clouds["c2"].creates > 0 {
					t.Errorf("%s after %d Creates", a.State, w.clouds["c1"].creates+w.clouds["c2"].creates)
				}
			} else if got := a.Offer.Price.Hour.Amount(); got != "0.009" {
				t.Errorf("bought at %s", got)
			}
			w.truth(a.ID)
		})
	}
}

// desk is how a broker prices: under terms, and shown at the rates of the day.
type desk struct {
	fee  string
	rate string
}

func (k *desk) price(t *testing.T) func(context.Context, *core.Answer, core.Quote) ([]core.Quote, []core.Reason, error) {
	return func(_ context.Context, answer *core.Answer, shown core.Quote) ([]core.Quote, []core.Reason, error) {
		rates, err := pricing.NewRates("EUR", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), "made up", map[string]string{"USD": k.rate})
		if err != nil {
			t.Fatal(err)
		}
		quotes, reasons := market.Quotes([]core.Answer{*answer}, market.Pricing{
			Horizon: pricing.Month, Begin: time.Now(), NewID: func() string { return shown.ID }, Rates: rates, Currency: "USD",
			Terms: map[string]pricing.Terms{"": {Rules: []pricing.Rule{{Name: "fee", Stage: pricing.StageOperatorFee, Percent: k.fee}}}},
		})
		return quotes, reasons, nil
	}
}

// whole is an error with its faults.
func whole(err error) string {
	text := fmt.Sprint(err)
	if e, ok := errors.AsType[*core.Error](err); ok {
		for _, f := range e.Faults {
			text += "; " + f.String()
		}
	}
	return text
}

// A quote that was shown in another currency and under terms binds by its native
// price: a fee counts as prices do, and what the currency does in between never.
func TestConvertedQuoteBindsNatively(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*cloud, *desk)
		kind   core.Kind
		want   string // of the error, or the price bought at
	}{
		{"as shown", func(*cloud, *desk) {}, "", "7.665 EUR 9.58125 USD"},
		{"the dollar fell", func(_ *cloud, k *desk) { k.rate = "2.5" }, "", "7.665 EUR 19.1625 USD"},
		{"the dollar rose", func(_ *cloud, k *desk) { k.rate = "1" }, "", "7.665 EUR 7.665 USD"},
		{"dearer", func(c *cloud, _ *desk) { c.amount = "0.011" }, core.Conflict, "the price rose from 7.665 EUR (9.5812 USD) to 8.4315 EUR (10.5394 USD) for 730 h"},
		{"dearer, and less in dollars", func(c *cloud, k *desk) { c.amount, k.rate = "0.011", "1" }, core.Conflict, "the price rose from 7.665 EUR (9.5812 USD) to 8.4315 EUR (8.4315 USD)"},
		{"cheaper", func(c *cloud, _ *desk) { c.amount = "0.008" }, "", "6.132 EUR 7.665 USD"},
		{"fee raised", func(_ *cloud, k *desk) { k.fee = "5.1" }, core.Conflict, "the price rose from 7.665 EUR (9.5812 USD) to 7.6723 EUR"},
		{"fee lowered", func(_ *cloud, k *desk) { k.fee = "4" }, "", "7.592 EUR 9.49 USD"},
		{"another machine, and cheaper", func(c *cloud, _ *desk) { c.vcpus, c.amount = 1, "0.001" }, core.Conflict, "machine changed from small in /z1 with 2 vCPUs"},
		{"quote only now", func(c *cloud, _ *desk) { c.quoteOnly = "no credentials for cloud" }, core.Denied, "quote only: no credentials for cloud"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, k := newWorld(t, "0.01"), &desk{fee: "5", rate: "1.25"}
			w.price = k.price(t)
			req := w.request("web1")
			c1 := w.clouds["c1"]
			list, err := c1.PriceList(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			shown, _, err := w.price(t.Context(), &core.Answer{Provider: "c1", Offers: []core.Offer{c1.offer()}, Prices: list}, core.Quote{ID: "q1"})
			if err != nil || len(shown) != 1 {
				t.Fatal(shown, err)
			}
			req.Placement.Quotes = shown
			c.change(c1, k)
			a, err := w.engine(nil).Start(t.Context(), req, nil)
			if core.KindOf(err) != c.kind {
				t.Fatalf("error %v, want %q", err, c.kind)
			}
			if err != nil {
				if !strings.Contains(whole(err), c.want) || c1.creates > 0 {
					t.Errorf("%v after %d Creates, want %q", err, c1.creates, c.want)
				}
				return
			}
			if got := a.Offer.Price.Native().String() + " " + a.Offer.Price.Total.String(); got != c.want || a.Offer.ID != "q1" {
				t.Errorf("bought %s at %s, want %s", a.Offer.ID, got, c.want)
			}
			w.truth(a.ID)
		})
	}
}

// An offer whose prices cannot be had is not bought, and its provider's fault is
// what is said.
func TestListAtFaultIsNotBought(t *testing.T) {
	w := newWorld(t, "0.01")
	w.price = func(_ context.Context, answer *core.Answer, _ core.Quote) ([]core.Quote, []core.Reason, error) {
		answer.Offers, answer.Err = nil, core.Errorf(core.Internal, "the list said something else before")
		return nil, nil, nil
	}
	a, err := w.start(t.Context(), "web1")
	if core.KindOf(err) != core.Internal || !strings.Contains(whole(err), "something else before") || a.State != core.Failed || w.clouds["c1"].creates > 0 {
		t.Errorf("%s, %v", a.State, err)
	}
	w.truth(a.ID)
}

// A price that a person has to agree to first is one that changed.
func TestPriceWithoutConsentIsNotBought(t *testing.T) {
	w := newWorld(t, "0.01")
	w.price = func(context.Context, *core.Answer, core.Quote) ([]core.Quote, []core.Reason, error) {
		return nil, []core.Reason{{Text: "its prices need a yes"}}, nil
	}
	a, err := w.start(t.Context(), "web1")
	if core.KindOf(err) != core.Conflict || !strings.Contains(err.Error(), "it has no price now: its prices need a yes") || w.clouds["c1"].creates > 0 {
		t.Errorf("%s, %v", a.State, err)
	}
}

// A fallback that has become dearer is passed over: only the first was shown as
// the one to be bought.
func TestDearerFallbackIsPassedOver(t *testing.T) {
	w := newWorld(t, "0.01", "0.02", "0.03")
	req := w.request("web1")
	w.clouds["c1"].offered = false
	w.clouds["c2"].amount = "0.025"
	a, err := w.engine(nil).Start(t.Context(), req, nil)
	if err != nil || a.Offer.Provider != "c3" || w.clouds["c2"].creates > 0 {
		t.Errorf("%v, %v", a.Offer, err)
	}
	w.truth(a.ID)
}
