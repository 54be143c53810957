package ledgertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func testPriceLists(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	list := PriceList(t, "r1")
	must(t, l.PutPriceList(ctx, "rack1", list))
	must(t, l.PutPriceList(ctx, "rack1", list))
	must(t, l.PutPriceList(ctx, "rack1", PriceList(t, "r2")))
	same(t, "price list", value(store().PriceList(ctx, "rack1", "r1"))(t), list)

	later := PriceList(t, "r1")
	later.AsOf = later.AsOf.Add(24 * time.Hour)
	must(t, l.PutPriceList(ctx, "rack1", later))
	same(t, "the same list read later", value(l.PriceList(ctx, "rack1", "r1"))(t), later)
	must(t, l.PutPriceList(ctx, "rack1", list))

	dearer := PriceList(t, "r1")
	dearer.Prices[0].Amount = value(dearer.Prices[0].Amount.Add(dearer.Prices[0].Amount))(t)
	refused(t, "other prices under the same revision", l.PutPriceList(ctx, "rack1", dearer), core.Conflict)
	same(t, "price list", value(l.PriceList(ctx, "rack1", "r1"))(t), list)
	must(t, l.PutPriceList(ctx, "rack2", dearer))

	_, err := l.PriceList(ctx, "rack1", "r3")
	refused(t, "no such revision", err, core.NotFound)
	refused(t, "a list without a revision", l.PutPriceList(ctx, "rack1", PriceList(t, "")), core.Invalid)
}

func testQuotes(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	quotes := []core.Quote{Quote(t, "aaaa1", "rack1"), Quote(t, "bbbb2", "rack2")}
	must(t, l.PutQuotes(ctx, "hash", quotes, noon()))
	same(t, "quote", value(store().Quote(ctx, "bbbb2"))(t),
		ledger.StoredQuote{Quote: quotes[1], PledgeHash: "hash", Shown: noon()})

	later := Quote(t, "aaaa1", "rack1")
	later.ExpiresAt = later.ExpiresAt.Add(time.Hour)
	must(t, l.PutQuotes(ctx, "hash", []core.Quote{later}, noon().Add(time.Hour)))
	same(t, "the same shown later", value(l.Quote(ctx, "aaaa1"))(t),
		ledger.StoredQuote{Quote: later, PledgeHash: "hash", Shown: noon().Add(time.Hour)})

	dearer := Quote(t, "bbbb2", "rack2")
	dearer.Price.Total = value(dearer.Price.Total.Add(dearer.Price.Total))(t)
	fresh := Quote(t, "cccc3", "rack2")
	e := refused(t, "an id with another total", l.PutQuotes(ctx, "hash", []core.Quote{fresh, dearer}, noon()), core.Conflict)
	if e.Subject != "quote bbbb2" {
		t.Errorf("subject %q", e.Subject)
	}
	refused(t, "an id with another pledge", l.PutQuotes(ctx, "other", quotes[:1], noon()), core.Conflict)
	_, err := l.Quote(ctx, "cccc3")
	if e := refused(t, "one of those that were not kept", err, core.NotFound); e.Hint == "" {
		t.Error("no hint")
	}
	refused(t, "a malformed id", l.PutQuotes(ctx, "hash", []core.Quote{Quote(t, "NO GOOD", "rack1")}, noon()), core.Invalid)
	must(t, l.PutQuotes(ctx, "hash", nil, noon()))
}

func testQuotePrefix(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	var quotes []core.Quote
	for _, id := range []string{"abcd", "abcde", "abcdf0", "abcez", "zzzz9", "0000-1"} {
		quotes = append(quotes, Quote(t, id, "rack1"))
	}
	must(t, l.PutQuotes(ctx, "hash", quotes, noon()))
	for typed, want := range map[string]string{
		"abcd": "abcd", "abcdf": "abcdf0", "abcez": "abcez", "abce": "abcez", "zzzz": "zzzz9", "0000": "0000-1", "0000-1": "0000-1",
	} {
		if got := value(l.Quote(ctx, typed))(t); got.ID != want {
			t.Errorf("quote %s is %s, want %s", typed, got.ID, want)
		}
	}
	must(t, l.PutQuotes(ctx, "hash", []core.Quote{Quote(t, "zzzz8", "rack1")}, noon()))
	_, err := l.Quote(ctx, "zzzz")
	if e := refused(t, "an ambiguous one", err, core.Invalid); !strings.Contains(e.Text, "zzzz8, zzzz9") {
		t.Errorf("%q does not name both", e.Text)
	}
	for _, typed := range []string{"", "zzz", "zzzz%", "zzzz_", "ZZZZ9", "zzzz9' OR 1=1 --", strings.Repeat("z", 1000)} {
		_, err := l.Quote(ctx, typed)
		refused(t, fmt.Sprintf("%.20q", typed), err, core.NotFound)
	}
}

func testPrune(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	before := time.Now().Add(time.Hour) // what the ledger dates itself is older
	a := Allocation(t, "web")
	a.Placement.Quotes = []core.Quote{Quote(t, "used-in-attempt", "rack1"), Quote(t, "never-used", "rack1")}
	must(t, l.Begin(ctx, a))
	must(t, l.AddAttempt(ctx, Attempt(a, 1), step("attempt")))
	old := append([]core.Quote{Quote(t, "old-one", "rack2")}, a.Placement.Quotes...)
	must(t, l.PutQuotes(ctx, "hash", old, before.Add(-time.Second)))
	fresh := Quote(t, "fresh-one", "rack3")
	fresh.ListRevision = "r3"
	must(t, l.PutQuotes(ctx, "hash", []core.Quote{fresh}, before))
	for provider, revision := range map[string]string{"rack1": "r1", "rack2": "r1", "rack3": "r3"} {
		must(t, l.PutPriceList(ctx, provider, PriceList(t, revision)))
	}
	must(t, l.PutPriceList(ctx, "rack3", PriceList(t, "r1")))
	must(t, l.PutPriceList(ctx, "vault1", PriceList(t, "r1")))
	bought := Volume(t, "")
	must(t, l.AddVolumes(ctx, []core.VolumeRecord{bought}, step("volume")))
	endVolume(t, l, bought.ID, core.VolumeRefused)
	must(t, l.Remember(ctx, ledger.Refusal{Provider: "ended", Until: before.Add(-time.Second)}))
	must(t, l.Remember(ctx, ledger.Refusal{Provider: "holds", Until: before.Add(time.Second)}))
	events := len(value(l.Events(ctx, ledger.Query{}))(t))

	must(t, l.Prune(ctx, before))
	for id, kept := range map[string]bool{"used-in-attempt": true, "fresh-one": true, "old-one": false, "never-used": false} {
		if _, err := l.Quote(ctx, id); (err == nil) != kept {
			t.Errorf("quote %s is kept: %t, want %t", id, err == nil, kept)
		}
	}
	for list, kept := range map[[2]string]bool{
		{"rack1", "r1"}: true, {"rack3", "r3"}: true, {"rack2", "r1"}: false, {"rack3", "r1"}: false, {"vault1", "r1"}: true,
	} {
		if _, err := l.PriceList(ctx, list[0], list[1]); (err == nil) != kept {
			t.Errorf("price list %s is kept: %t, want %t", list, err == nil, kept)
		}
	}
	if r := value(l.Refusals(ctx, noon().AddDate(-100, 0, 0)))(t); len(r) != 1 || r[0].Provider != "holds" {
		t.Errorf("refusals %v: want that which holds", r)
	}
	if n := len(value(l.Events(ctx, ledger.Query{}))(t)); n != events {
		t.Errorf("%d events are left of %d", n, events)
	}
	same(t, "attempts", len(value(l.Attempts(ctx, a.ID))(t)), 1)
	same(t, "placement", value(l.Allocation(ctx, a.ID))(t).Placement, a.Placement)
	if s := value(l.Secrets(ctx, a.ID))(t); s != ledger.SecretsOf(a.Pledge) {
		t.Error("the secrets of an allocation under way are gone")
	}
}
