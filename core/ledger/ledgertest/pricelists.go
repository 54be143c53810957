package ledgertest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

func testPriceListInfos(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	if got := value(l.PriceLists(ctx, ""))(t); len(got) != 0 {
		t.Errorf("an empty ledger has lists: %v", got)
	}
	dateless := PriceList(t, "r2")
	for i := range dateless.Prices {
		dateless.Prices[i].AsOf = time.Time{}
	}
	younger := PriceList(t, "r3")
	for i := range younger.Prices {
		younger.Prices[i].AsOf = noon().Add(time.Duration(i+1) * time.Hour)
	}
	empty := &pricing.List{Revision: "r1", Source: "nobody's", AsOf: noon()}
	before := time.Now()
	must(t, l.PutPriceList(ctx, "rack2", empty))
	for _, list := range []*pricing.List{PriceList(t, "r1"), dateless, younger} {
		must(t, l.PutPriceList(ctx, "rack1", list))
	}
	info := func(provider, revision string, prices int, asOf, oldest time.Time) ledger.PriceListInfo {
		return ledger.PriceListInfo{
			Provider: provider, Revision: revision, Source: "book", Currency: "EUR", Prices: prices, AsOf: asOf, OldestAsOf: oldest,
		}
	}
	r1 := info("rack1", "r1", 4, noon(), noon().Add(-time.Hour))
	r2 := info("rack1", "r2", 4, noon(), noon())
	r3 := info("rack1", "r3", 4, noon(), noon().Add(time.Hour))
	none := ledger.PriceListInfo{Provider: "rack2", Revision: "r1", Source: "nobody's", AsOf: noon(), OldestAsOf: noon()}
	seen := cmpopts.IgnoreFields(ledger.PriceListInfo{}, "SeenAt")
	same(t, "all", value(store().PriceLists(ctx, ""))(t), []ledger.PriceListInfo{r3, r2, r1, none}, seen)
	same(t, "those of one", value(l.PriceLists(ctx, "rack2"))(t), []ledger.PriceListInfo{none}, seen)
	same(t, "those of nobody", len(value(l.PriceLists(ctx, "rack"))(t)), 0)
	for _, got := range value(l.PriceLists(ctx, ""))(t) {
		if got.SeenAt.Before(before) || got.SeenAt.After(time.Now()) || got.SeenAt.Location() != time.UTC {
			t.Errorf("%s %s was seen at %s", got.Provider, got.Revision, got.SeenAt)
		}
	}

	// Seen again at a later date it comes first, and what has no date of its own
	// is of the later one.
	later := *dateless
	later.AsOf = noon().Add(24 * time.Hour)
	must(t, l.PutPriceList(ctx, "rack1", &later))
	r2.AsOf, r2.OldestAsOf = later.AsOf, later.AsOf
	same(t, "after one was seen again", value(l.PriceLists(ctx, "rack1"))(t), []ledger.PriceListInfo{r2, r3, r1}, seen)
	same(t, "that one", value(l.PriceList(ctx, "rack1", "r2"))(t), &later)

	// Seen again at once it is not written again, unless another was seen since.
	moment := value(l.PriceLists(ctx, "rack1"))(t)[0].SeenAt
	must(t, l.PutPriceList(ctx, "rack1", &later))
	if got := value(l.PriceLists(ctx, "rack1"))(t)[0].SeenAt; !got.Equal(moment) {
		t.Errorf("written again: seen at %s, then at %s", moment, got)
	}
	must(t, l.PutPriceList(ctx, "rack1", younger))
	must(t, l.PutPriceList(ctx, "rack1", &later))
	if got := value(l.PriceLists(ctx, "rack1"))(t)[0]; got.Revision != "r2" || !got.SeenAt.After(moment) {
		t.Errorf("the last seen is %s of %s, want r2 of now", got.Revision, got.SeenAt)
	}

	// One in use says so.
	must(t, l.PutProvider(ctx, rack("rack1")))
	must(t, l.UsePriceList(ctx, "rack1", "r1", ledger.UseOptions{By: ledger.UsedByPerson, Imported: true}))
	r1.Use = value(l.UsedPriceLists(ctx))(t)["rack1"]
	if r1.Use.Revision != "r1" {
		t.Errorf("in use %+v: want r1", r1.Use)
	}
	same(t, "with one in use", value(l.PriceLists(ctx, ""))(t), []ledger.PriceListInfo{r2, r3, r1, none}, seen)
}
