package market_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
)

// cellar is a storage provider made of functions.
type cellar struct {
	name  string
	offer func(ctx context.Context, emit func([]core.VolumeOffer, []core.Reason) error) error
	get   func(ctx context.Context, id string) (core.Volume, error)
}

func (c cellar) Name() string                                         { return c.name }
func (c cellar) Plugin() string                                       { return "cellar" }
func (c cellar) PriceList(ctx context.Context) (*pricing.List, error) { return prices(ctx) }
func (c cellar) GetVolume(ctx context.Context, ref core.VolumeRef) (core.Volume, error) {
	return c.get(ctx, ref.ID)
}

func (c cellar) OfferVolume(ctx context.Context, _ core.VolumeSpec, _ core.VolumeQuery, emit func([]core.VolumeOffer, []core.Reason) error) error {
	return c.offer(ctx, emit)
}

func full(name string) cellar {
	return cellar{
		name: name, offer: func(_ context.Context, emit func([]core.VolumeOffer, []core.Reason) error) error {
			return emit([]core.VolumeOffer{{ID: "d", Provider: name, Quantities: []pricing.Quantity{{SKU: "vm", Amount: "1"}}, ListRevision: "r1"}}, []core.Reason{{Text: "another is full"}})
		},
		get: func(_ context.Context, id string) (core.Volume, error) {
			if name != "good" {
				return core.Volume{}, core.Errorf(core.NotFound, "no such volume")
			}
			return core.Volume{ID: id}, nil
		},
	}
}

// Whatever one storage provider does, the others' answers arrive by the deadline
// and the fault is named; a provider without volumes is none.
func TestOneBadStorageSpoilsNothing(t *testing.T) {
	asks := []core.VolumeAsk{{Index: 0, VolumeID: "old"}, {Index: 1, Spec: core.VolumeSpec{SizeBytes: 1}}}
	unsupported := core.Errorf(core.Unsupported, "no Storage")
	for name, c := range map[string]struct {
		bad  cellar
		kind core.Kind
	}{
		"hung": {cellar{offer: func(context.Context, func([]core.VolumeOffer, []core.Reason) error) error {
			time.Sleep(time.Hour)
			return nil
		}, get: full("x").get}, core.Unavailable},
		"hung on a volume": {cellar{offer: full("x").offer, get: func(ctx context.Context, _ string) (core.Volume, error) {
			<-ctx.Done()
			return core.Volume{}, ctx.Err()
		}}, core.Unavailable},
		"denied": {cellar{offer: full("x").offer, get: func(context.Context, string) (core.Volume, error) {
			return core.Volume{}, core.Errorf(core.Denied, "bad token")
		}}, core.Denied},
		"flooding": {cellar{get: full("x").get, offer: func(_ context.Context, emit func([]core.VolumeOffer, []core.Reason) error) error {
			for {
				if err := emit(make([]core.VolumeOffer, 10), nil); err != nil {
					return err
				}
			}
		}}, core.Internal},
		"no storage": {cellar{
			offer: func(context.Context, func([]core.VolumeOffer, []core.Reason) error) error { return unsupported },
			get:   func(context.Context, string) (core.Volume, error) { return core.Volume{}, unsupported },
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.bad.name = "bad"
				start := time.Now()
				answers := market.GatherVolumes(t.Context(), []market.Storage{c.bad, full("good")}, asks, core.VolumeQuery{Horizon: 1},
					market.Options{ProviderDeadline: 2 * time.Second, Deadline: 3 * time.Second, MaxOffers: 1000}, nil)
				if took := time.Since(start); took > 2500*time.Millisecond {
					t.Errorf("took %s", took)
				}
				bad, good := answers[0], answers[1]
				if good.Err != nil || len(good.Offers[1]) != 1 || good.Found[0].ID != "old" || len(good.Reasons) != 1 || good.Reasons[0].Provider != "good" {
					t.Errorf("the good one: %+v", good)
				}
				if c.kind == "" && (bad.Err != nil || !bad.NoStorage) || c.kind != "" && (bad.Err == nil || bad.Err.Kind != c.kind || bad.NoStorage) {
					t.Errorf("the bad one: %v of kind %s, want %s; no storage: %v", bad.Err, core.KindOf(bad.Err), c.kind, bad.NoStorage)
				}
				time.Sleep(2 * time.Hour) // whoever was left behind ends
			})
		})
	}
}

// Offers are priced by their provider's list under terms; an operator's fee of a
// fixed amount is for machines.
func TestVolumeQuotes(t *testing.T) {
	answers := market.GatherVolumes(t.Context(), []market.Storage{full("good"), full("other")}, []core.VolumeAsk{{Index: 3}, {Index: 1, VolumeID: "old"}},
		core.VolumeQuery{}, market.Options{}, nil)
	answers[1].Offers[3][0].ListRevision = "r0"
	how := hour()
	how.Terms = map[string]pricing.Terms{"": {Rules: []pricing.Rule{
		{Name: "share", Stage: pricing.StageOperatorFee, Percent: "10"},
		{Name: "flat", Stage: pricing.StageOperatorFee, Amount: amount("5"), Unit: pricing.Once},
	}}}
	candidates, reasons := market.VolumeQuotes(answers, how)
	if len(candidates) != 2 || candidates[0].Found == nil || candidates[0].Index != 1 || candidates[1].Index != 3 {
		t.Fatalf("%+v", candidates)
	}
	if got := candidates[1].Quote.Price.Total.String(); got != "0.011 EUR" {
		t.Errorf("priced at %s", got)
	}
	if len(reasons) != 3 || !strings.Contains(reasons[2].Text, "no whole price of the volume") || reasons[2].Provider != "other" {
		t.Errorf("%+v", reasons)
	}
	if len(how.Terms[""].Rules) != 2 {
		t.Error("the terms were changed")
	}
}

// What was refused before is not offered again, and what was refused of machines
// says nothing of volumes, but for money and credentials.
func TestVolumeQuotesHeedRefusals(t *testing.T) {
	now := time.Now()
	offer := core.VolumeOffer{ID: "d", Provider: "good", Zone: "z", Tier: "fast", SizeBytes: 1 << 30, Quantities: []pricing.Quantity{{SKU: "vm", Amount: "1"}}, ListRevision: "r1"}
	list, err := prices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	smaller := offer
	smaller.SizeBytes = 1 << 20
	for _, c := range []struct {
		name    string
		refusal core.Refusal
		want    int
	}{
		{"its size and tier", core.Refusal{Zone: "z", Shape: core.VolumeShape(offer), Scope: core.ScopeCapacity}, 0},
		{"a smaller one", core.Refusal{Zone: "z", Shape: core.VolumeShape(smaller), Scope: core.ScopeCapacity}, 1},
		{"another zone", core.Refusal{Zone: "y", Shape: core.VolumeShape(offer), Scope: core.ScopeCapacity}, 1},
		{"a quota of volumes", core.Refusal{Shape: core.AllVolumes, Scope: core.ScopeQuota}, 0},
		{"a quota of machines", core.Refusal{Scope: core.ScopeQuota}, 1},
		{"a machine", core.Refusal{Zone: "z", Shape: "fast", Scope: core.ScopeCapacity}, 1},
		{"money", core.Refusal{Scope: core.ScopeFunds}, 0},
		{"credentials", core.Refusal{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.refusal.Provider, c.refusal.Until, c.refusal.Text = "good", now.Add(time.Minute), "no more"
			how := hour()
			how.Begin, how.Refusals = now, []core.Refusal{c.refusal}
			candidates, reasons := market.VolumeQuotes([]core.VolumeAnswer{{Provider: "good", Prices: list, Offers: map[int][]core.VolumeOffer{0: {offer}}}}, how)
			if len(candidates) != c.want || len(reasons) != 1-c.want {
				t.Fatalf("%+v, %+v", candidates, reasons)
			}
			if c.want == 0 && (!strings.HasPrefix(reasons[0].Text, "refused before (no more), not asked again until ") || reasons[0].Candidate != "z fast") {
				t.Errorf("%+v", reasons[0])
			}
		})
	}
}
