package host

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// offersOf is all that a provider says to the tests' pledge.
func offersOf(t *testing.T, p *Provider, query core.OfferQuery) (offers []core.Offer, reasons []core.Reason, err error) {
	t.Helper()
	query.Horizon = pricing.Month
	err = p.Offer(t.Context(), pledge(), query, func(o []core.Offer, r []core.Reason) error {
		offers, reasons = append(offers, o...), append(reasons, r...)
		return nil
	})
	return offers, reasons, err
}

func TestOffer(t *testing.T) {
	h := newHost(t)
	offers, reasons, err := offersOf(t, provider(h, "rogue", "good"), core.OfferQuery{})
	if err != nil {
		t.Fatal(err)
	}
	want := core.Offer{
		ID: "a", Provider: "good", Plugin: "rogue", Zone: "z1", Shape: "small", VCPUs: 4, MemoryMiB: 4096, Arch: "x86_64",
		Unknown: []string{}, Quantities: []pricing.Quantity{{SKU: "core", Amount: "4"}}, ListRevision: "r1",
		Facts: map[string]string{"accelerator": "[5mtcg"}, Token: []byte{1, 2},
	}
	second := want
	second.ID = "b"
	if diff := cmp.Diff([]core.Offer{want, second}, offers, cmpopts.IgnoreFields(core.Offer{}, "ExpiresAt")); diff != "" {
		t.Error(diff)
	}
	if left := time.Until(offers[0].ExpiresAt); left < 50*time.Second || left > time.Minute {
		t.Errorf("it expires in %s: want a minute", left)
	}
	no := []core.Reason{{Provider: "good", Candidate: "kvm2", Field: "flags", Text: "avx512f: [0mno host has it", Until: time.Unix(1, 0).UTC()}}
	if diff := cmp.Diff(no, reasons); diff != "" {
		t.Error(diff)
	}
}

// Every offer that is not what was asked for, or against the contract, is dropped
// and named; those that are right stand.
func TestWrongOffersAreDropped(t *testing.T) {
	h := newHost(t)
	offers, _, err := offersOf(t, provider(h, "rogue", "liar"), core.OfferQuery{})
	if len(offers) != 1 || offers[0].ID != "good" {
		t.Errorf("%d offers passed: %+v", len(offers), offers)
	}
	e, ok := err.(*core.Error)
	if !ok || e.Kind != core.Internal || e.Source != core.SourcePlugin || e.Subject != "provider liar" {
		t.Fatalf("%#v: want Internal, of the plugin", err)
	}
	// One for each bad offer, and one for the second offer called good.
	if want := len(badOffers()) + 1; len(e.Faults) != want {
		t.Errorf("%d faults: want %d: %v", len(e.Faults), want, e.Faults)
	}
	all := fmt.Sprint(e.Faults)
	for _, w := range []string{"1 vcpus: the pledge demands 2", "1 MiB of memory", `"s390x"`, "expired", "-4 is not positive", `"NaN"`, "used twice", "no revision"} {
		if !strings.Contains(strings.ReplaceAll(all, "names ", ""), w) {
			t.Errorf("%s\ndoes not name %q", all, w)
		}
	}
}

// What is sent without end is cut off at its limit, in bounded memory; what came
// before stands.
func TestFloodsAreCutOff(t *testing.T) {
	h := newHost(t)
	for name, fault := range map[string]string{"flood": "more than 100000 offers", "reasons": "more than 10000 reasons", "fat": "larger than 64 MiB"} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			count := 0
			err := provider(h, "rogue", name).Offer(t.Context(), pledge(), core.OfferQuery{Horizon: 730}, func(o []core.Offer, r []core.Reason) error {
				count += len(o) + len(r)
				return nil
			})
			if core.KindOf(err) != core.Internal || !strings.Contains(fmt.Sprint(err), fault) {
				t.Errorf("%v: want %s", err, fault)
			}
			if count == 0 || count > maxOffers {
				t.Errorf("%d offers and reasons stand", count)
			}
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	runtime.GC()
}

func TestOfferLimit(t *testing.T) {
	h := newHost(t)
	offers, _, err := offersOf(t, provider(h, "rogue", "good"), core.OfferQuery{Limit: 1})
	if len(offers) != 1 || core.KindOf(err) != core.Internal {
		t.Errorf("%d offers, %v: want 1, and the plugin's fault", len(offers), err)
	}
	offers, _, err = offersOf(t, provider(h, "rogue", "good"), core.OfferQuery{OfferID: "b"})
	if len(offers) != 1 || offers[0].ID != "b" || core.KindOf(err) != core.Internal {
		t.Errorf("%v, %v: want b alone, and the plugin's fault", offers, err)
	}
}

// What a plugin said before it died stands.
func TestOffersBeforeACrashStand(t *testing.T) {
	h := newHost(t)
	offers, _, err := offersOf(t, provider(h, "rogue", "half"), core.OfferQuery{})
	if len(offers) != 1 || core.KindOf(err) != core.Unavailable {
		t.Errorf("%d offers, %v: want 1 and Unavailable", len(offers), err)
	}
}

func TestOfferEndsWithTheCallersError(t *testing.T) {
	h := newHost(t)
	enough := errors.New("enough")
	err := provider(h, "rogue", "flood").Offer(t.Context(), pledge(), core.OfferQuery{Horizon: 730}, func([]core.Offer, []core.Reason) error { return enough })
	if err != enough {
		t.Errorf("%v: want the caller's own error", err)
	}
}
