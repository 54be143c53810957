package ledgertest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

// used is a ledger with a provider that has lists of these revisions.
func used(t *testing.T, l ledger.Ledger, provider string, revisions ...string) {
	t.Helper()
	must(t, l.PutProvider(t.Context(), rack(provider)))
	for _, revision := range revisions {
		must(t, l.PutPriceList(t.Context(), provider, PriceList(t, revision)))
	}
}

// eventsOf are the texts of one step.
func eventsOf(t *testing.T, l ledger.Ledger, step string) []string {
	t.Helper()
	texts := []string{}
	for _, e := range value(l.Events(t.Context(), ledger.Query{}))(t) {
		if e.Step == step && e.Allocation == "" {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func testListUse(t *testing.T, store Store) {
	l, other, ctx := store(), store(), t.Context()
	used(t, l, "rack1", "r1", "r2", "r3")
	used(t, l, "rack2", "r1")
	inUse := func(want map[string]ledger.ListUse) {
		t.Helper()
		got := value(other.UsedPriceLists(ctx))(t)
		same(t, "lists in use", got, want, cmpopts.IgnoreFields(ledger.ListUse{}, "Since"))
		for provider, use := range got {
			if use.Since.IsZero() || use.Since.After(time.Now()) {
				t.Errorf("that of %s since %s", provider, use.Since)
			}
		}
	}
	live := func(was string) ledger.UseOptions { return ledger.UseOptions{Was: was, By: ledger.UsedLive} }
	person := func(was string) ledger.UseOptions { return ledger.UseOptions{Was: was, By: ledger.UsedByPerson} }
	imported := func(was string) ledger.UseOptions {
		return ledger.UseOptions{Was: was, By: ledger.UsedByPerson, Imported: true}
	}
	inUse(map[string]ledger.ListUse{})
	must(t, l.StopUsingPriceList(ctx, "rack1")) // there need not be one

	for what, c := range map[string]struct {
		provider, revision string
		o                  ledger.UseOptions
		kind               core.Kind
	}{
		"by nobody":            {"rack1", "r1", ledger.UseOptions{}, core.Invalid},
		"by somebody else":     {"rack1", "r1", ledger.UseOptions{By: "cron"}, core.Invalid},
		"imported by nobody":   {"rack1", "r1", ledger.UseOptions{By: ledger.UsedLive, Imported: true}, core.Invalid},
		"no such provider":     {"rack3", "r1", live(""), core.NotFound},
		"no such list":         {"rack1", "r4", live(""), core.NotFound},
		"a list of another":    {"rack2", "r2", live(""), core.NotFound},
		"instead of what isnt": {"rack1", "r1", live("r2"), core.Conflict},
	} {
		refused(t, what, l.UsePriceList(ctx, c.provider, c.revision, c.o), c.kind)
	}
	inUse(map[string]ledger.ListUse{})

	must(t, l.UsePriceList(ctx, "rack1", "r1", live("")))
	must(t, l.UsePriceList(ctx, "rack2", "r1", live("")))
	must(t, other.UsePriceList(ctx, "rack1", "r2", person("r1")))
	rack2 := ledger.ListUse{Revision: "r1", By: ledger.UsedLive}
	inUse(map[string]ledger.ListUse{"rack1": {Revision: "r2", By: ledger.UsedByPerson}, "rack2": rack2})

	// What was changed meanwhile conflicts, unless it became the very same.
	e := refused(t, "another since", l.UsePriceList(ctx, "rack1", "r3", live("r1")), core.Conflict)
	if !strings.Contains(e.Text, "r2 is in use, not r1") || e.Hint == "" {
		t.Errorf("%q (hint %q) does not say what is in use", e.Text, e.Hint)
	}
	refused(t, "none before", l.UsePriceList(ctx, "rack1", "r3", live("")), core.Conflict)
	refused(t, "the same, but by a broker", l.UsePriceList(ctx, "rack1", "r2", live("r1")), core.Conflict)
	must(t, l.UsePriceList(ctx, "rack1", "r2", person("r1")))

	// An imported one stands until a person says otherwise.
	since := value(l.UsedPriceLists(ctx))(t)["rack1"].Since
	must(t, l.UsePriceList(ctx, "rack1", "r2", imported("r2")))
	same(t, "since when", value(l.UsedPriceLists(ctx))(t)["rack1"].Since, since)
	for _, revision := range []string{"r2", "r3"} {
		e := refused(t, "a live one over an imported one", l.UsePriceList(ctx, "rack1", revision, live("r2")), core.Conflict)
		if !strings.Contains(e.Text, "imported") || e.Hint == "" {
			t.Errorf("%q (hint %q) does not say why", e.Text, e.Hint)
		}
	}
	inUse(map[string]ledger.ListUse{"rack1": {Revision: "r2", Imported: true, By: ledger.UsedByPerson}, "rack2": rack2})
	must(t, l.UsePriceList(ctx, "rack1", "r3", person("r2")))
	if now := value(l.UsedPriceLists(ctx))(t)["rack1"].Since; !now.After(since) {
		t.Errorf("another list is in use since %s, as was the one before it", now)
	}
	must(t, l.StopUsingPriceList(ctx, "rack1"))
	must(t, l.StopUsingPriceList(ctx, "rack1"))
	inUse(map[string]ledger.ListUse{"rack2": rack2})

	// Nothing but these changes was written down.
	same(t, "events of use", eventsOf(t, l, ledger.StepPricesUsed), []string{
		"provider rack1: price list r1, as the provider gave it; before it none",
		"provider rack2: price list r1, as the provider gave it; before it none",
		"provider rack1: price list r2, agreed to by a person; before it r1",
		"provider rack1: price list r2, imported by a person; before it r2",
		"provider rack1: price list r3, agreed to by a person; before it r2",
	})
	same(t, "events of stopping", eventsOf(t, l, ledger.StepPricesStopped), []string{"provider rack1: price list r3"})
}

// testListUseEnds: a provider that is removed leaves no list in use and no
// terms, to a later one of its name neither.
func testListUseEnds(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	used(t, l, "rack1", "r1")
	used(t, l, "rack2", "r1")
	for _, provider := range []string{"rack1", "rack2"} {
		must(t, l.UsePriceList(ctx, provider, "r1", ledger.UseOptions{By: ledger.UsedLive}))
		must(t, l.PutTerms(ctx, provider, pricing.Terms{TaxNote: provider}))
	}
	must(t, l.PutTerms(ctx, "", pricing.Terms{TaxNote: "ours"}))
	must(t, l.DeleteProvider(ctx, "rack1"))
	must(t, l.PutProvider(ctx, rack("rack1")))
	uses := value(l.UsedPriceLists(ctx))(t)
	if _, ok := uses["rack2"]; !ok || len(uses) != 1 {
		t.Errorf("lists in use %v: want that of rack2", uses)
	}
	same(t, "terms", value(l.Terms(ctx))(t), map[string]pricing.Terms{"": {TaxNote: "ours"}, "rack2": {TaxNote: "rack2"}})
	value(l.PriceList(ctx, "rack1", "r1"))(t)

	// A list that is in use outlives every prune, and no longer.
	kept := func(want ...string) {
		t.Helper()
		must(t, l.Prune(ctx, time.Now().Add(time.Hour)))
		var got []string
		for _, info := range value(l.PriceLists(ctx, ""))(t) {
			got = append(got, info.Provider)
		}
		same(t, "lists of", got, want)
	}
	kept("rack2")
	must(t, l.StopUsingPriceList(ctx, "rack2"))
	kept()
}
