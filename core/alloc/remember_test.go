package alloc_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
)

// What a provider refuses is remembered for as long as it is likely to hold,
// unless its next offer tells anyway.
func TestRefusalsAreRemembered(t *testing.T) {
	begin := time.Now()
	for _, c := range []struct {
		name    string
		counted bool
		why     core.Error
		want    []core.Refusal
		atLeast time.Duration
	}{
		{
			"capacity", true,
			core.Error{Kind: core.Exhausted, Scope: core.ScopeCapacity},
			[]core.Refusal{{Provider: "c1", Zone: "z1", Shape: "small", Scope: core.ScopeCapacity}},
			5 * time.Minute,
		},
		{
			"capacity, for longer", true,
			core.Error{Kind: core.Exhausted, Scope: core.ScopeCapacity, RetryAfter: 2 * time.Hour},
			[]core.Refusal{{Provider: "c1", Zone: "z1", Shape: "small", Scope: core.ScopeCapacity}},
			2 * time.Hour,
		},
		{
			"quota", true,
			core.Error{Kind: core.Exhausted, Scope: core.ScopeQuota},
			[]core.Refusal{{Provider: "c1", Scope: core.ScopeQuota}},
			time.Hour,
		},
		{
			"funds", true,
			core.Error{Kind: core.Exhausted, Scope: core.ScopeFunds},
			[]core.Refusal{{Provider: "c1", Scope: core.ScopeFunds}},
			time.Hour,
		},
		{
			"credentials", true,
			core.Error{Kind: core.Denied, Source: core.SourceProvider},
			[]core.Refusal{{Provider: "c1"}},
			0,
		},
		{"a plugin that is not trusted", true, core.Error{Kind: core.Denied}, nil, 0},
		{"a request that is wrong", true, core.Error{Kind: core.Invalid}, nil, 0},
		{"live inventory", false, core.Error{Kind: core.Exhausted, Scope: core.ScopeCapacity}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "0.01", "0.02")
			w.clouds["c1"].counted = c.counted
			w.clouds["c1"].createFault = func(int, bool) error { return &c.why }
			if a, err := w.start(t.Context(), "web1"); err != nil || a.Offer.Provider != "c2" {
				t.Fatalf("%+v, %v", a.Offer, err)
			}
			got, err := w.ledger.Refusals(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if c.atLeast == 0 && !got[i].Until.IsZero() || c.atLeast > 0 && (got[i].Until.Before(begin.Add(c.atLeast)) || got[i].Until.After(time.Now().Add(c.atLeast))) {
					t.Errorf("until %s, want %s from now", got[i].Until, c.atLeast)
				}
				got[i].Until, got[i].Text = time.Time{}, ""
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSuccessForgetsRefusals(t *testing.T) {
	w := newWorld(t, "0.01")
	for _, r := range []core.Refusal{
		{Provider: "c1", Zone: "z1", Shape: "small", Scope: core.ScopeCapacity, Until: time.Now().Add(time.Hour)},
		{Provider: "c1", Scope: core.ScopeQuota, Until: time.Now().Add(time.Hour)},
		{Provider: "c1"},
		{Provider: "c1", Zone: "z2", Scope: core.ScopeCapacity, Until: time.Now().Add(time.Hour)},
	} {
		if err := w.ledger.Remember(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.start(t.Context(), "web1"); err != nil {
		t.Fatal(err)
	}
	left, err := w.ledger.Refusals(t.Context(), time.Now())
	if err != nil || len(left) != 1 || left[0].Zone != "z2" {
		t.Errorf("what is left is %+v, %v", left, err)
	}
}
