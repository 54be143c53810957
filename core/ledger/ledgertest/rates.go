package ledgertest

import (
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

// ratesOf are a dollar and a yen of some day.
func ratesOf(t testing.TB, day time.Time, source, dollar string) *pricing.Rates {
	t.Helper()
	return value(pricing.NewRates("EUR", day, source, map[string]string{"USD": dollar, "JPY": "163.2100"}))(t)
}

// sameRates fails the test unless rates say the very same.
func sameRates(t *testing.T, what string, got, want *pricing.Rates) {
	t.Helper()
	say := func(r *pricing.Rates) []string {
		all := []string{r.Base(), r.AsOf().Format(time.RFC3339Nano), r.Source()}
		for _, code := range r.Currencies() {
			all = append(all, code+" "+value(r.Rate(code))(t))
		}
		return all
	}
	same(t, what, say(got), say(want))
}

func testRates(t *testing.T, store Store) {
	l, other, ctx := store(), store(), t.Context()
	_, _, err := l.Rates(ctx)
	refused(t, "no rates", err, core.NotFound)
	refused(t, "nothing put", l.PutRates(ctx, nil), core.Invalid)
	refused(t, "a day after all", l.PutRates(ctx, ratesOf(t, noon().AddDate(8000, 0, 0), "ecb", "1")), core.Invalid)

	day := func(n int) time.Time { return noon().AddDate(0, 0, n) }
	put := func(r *pricing.Rates) *pricing.Rates {
		t.Helper()
		must(t, l.PutRates(ctx, r))
		return r
	}
	newest := func(what string, want *pricing.Rates, after time.Time) {
		t.Helper()
		got, seen, err := other.Rates(ctx)
		must(t, err)
		sameRates(t, what, got, want)
		if seen.Before(after) || seen.After(time.Now()) {
			t.Errorf("%s: put at %s, want after %s", what, seen, after)
		}
	}
	start := time.Now()
	today := put(ratesOf(t, day(0), "ecb", "1.11330"))
	newest("the only ones", today, start)
	older := put(ratesOf(t, day(-7), "ecb", "1.2"))
	newest("older ones put later", today, start)
	again := time.Now()
	must(t, l.PutRates(ctx, ratesOf(t, day(0), "ecb", "1.1133"))) // the same number
	newest("the same put again", today, again)
	bank := put(ratesOf(t, day(0), "a bank", "1.12"))
	newest("of one day those put last", bank, again)
	must(t, l.PutRates(ctx, today))
	newest("put again these are the last", today, again)
	dollars := put(value(pricing.NewRates("USD", day(0), "ecb", map[string]string{"EUR": "0.9"}))(t))
	newest("another base", dollars, again)
	put(value(pricing.NewRates("EUR", day(-3).In(time.FixedZone("", 3600)), "in another zone", nil))(t))

	for what, r := range map[string]*pricing.Rates{
		"another rate":     ratesOf(t, day(0), "ecb", "1.1134"),
		"another currency": value(pricing.NewRates("EUR", day(0), "ecb", map[string]string{"USD": "1.1133", "GBP": "163.21"}))(t),
		"one less":         value(pricing.NewRates("EUR", day(0), "ecb", map[string]string{"USD": "1.1133"}))(t),
		"one more":         value(pricing.NewRates("EUR", day(0), "ecb", map[string]string{"USD": "1.1133", "JPY": "163.21", "GBP": "1"}))(t),
	} {
		refused(t, what+" of the same day and source", l.PutRates(ctx, r), core.Conflict)
	}
	newest("after conflicts", dollars, again)

	on := func(what string, at time.Time, want *pricing.Rates) {
		t.Helper()
		got, _, err := other.RatesOn(ctx, at)
		must(t, err)
		sameRates(t, what, got, want)
	}
	on("on their very day", day(-7), older)
	on("before the next", day(-3).Add(-1), older)
	on("long after", day(9999), dollars)
	got, _, err := l.RatesOn(ctx, day(-3))
	must(t, err)
	if len(got.Currencies()) != 1 || !got.AsOf().Equal(day(-3)) || got.AsOf().Location() != time.UTC {
		t.Errorf("rates of nothing else came back as %v of %s", got.Currencies(), got.AsOf())
	}
	_, _, err = l.RatesOn(ctx, day(-8))
	refused(t, "before all", err, core.NotFound)

	same(t, "events", eventsOf(t, l, ledger.StepRatesPut), []string{
		"rates of EUR of 2031-03-04 from ecb", "rates of EUR of 2031-02-25 from ecb", "rates of EUR of 2031-03-04 from a bank",
		"rates of USD of 2031-03-04 from ecb", "rates of EUR of 2031-03-01 from in another zone",
	})

	// Those that hold outlive every prune; others only what they were put after.
	must(t, l.Prune(ctx, again))
	on("put after the prune time", day(-3).Add(1), got)
	_, _, err = l.RatesOn(ctx, day(-4))
	refused(t, "put before it", err, core.NotFound)
	must(t, l.Prune(ctx, time.Now().Add(time.Hour)))
	newest("after a prune", dollars, again)
	_, _, err = l.RatesOn(ctx, day(0).Add(-1))
	refused(t, "none but the newest", err, core.NotFound)
}

// testRatesRaces: many who fetched the same rates put them once, and what
// differs is kept once.
func testRatesRaces(t *testing.T, store Store) {
	const brokers = 4
	ctx := t.Context()
	var group sync.WaitGroup
	var won sync.Map
	for broker := range brokers {
		l := store()
		group.Go(func() {
			for n := range 10 {
				if err := l.PutRates(ctx, ratesOf(t, noon().AddDate(0, 0, n), "ecb", "1.1")); err != nil {
					t.Error(err)
				}
				mine := ratesOf(t, noon().AddDate(0, 0, n), "odd", []string{"1.1", "1.2", "1.3", "1.4"}[broker])
				if err := l.PutRates(ctx, mine); err == nil {
					if who, twice := won.LoadOrStore(n, broker); twice {
						t.Errorf("rates of day %d are those of %d and of %d", n, who, broker)
					}
				} else if core.KindOf(err) != core.Conflict {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	same(t, "events", len(eventsOf(t, store(), ledger.StepRatesPut)), 20)
}
