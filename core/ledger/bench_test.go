package ledger_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/ledger/ledgertest"
)

// What the ledger adds to a deploy: five commits.
func BenchmarkBeginAndThreeChanges(b *testing.B) {
	l := open(b, filepath.Join(b.TempDir(), "ledger.db"))
	sample := ledgertest.Allocation(b, "")
	sample.Pledge = core.Pledge{Slots: 1, MemoryMiB: 512}
	for b.Loop() {
		a := sample
		a.ID = ledger.NewID()
		if err := l.Begin(b.Context(), a); err != nil {
			b.Fatal(err)
		}
		for range 3 {
			if _, err := l.Change(b.Context(), a.ID, core.Event{Step: "x"}, func(a *core.Allocation) error {
				a.State = core.Creating
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkPutQuotes1000(b *testing.B) {
	l := open(b, filepath.Join(b.TempDir(), "ledger.db"))
	quotes := make([]core.Quote, 1000)
	sample := ledgertest.Quote(b, "x", "rack1")
	round := 0
	for b.Loop() {
		round++
		for i := range quotes {
			quotes[i] = sample
			quotes[i].ID = fmt.Sprintf("%d-%d", round, i)
		}
		if err := l.PutQuotes(b.Context(), "hash", quotes, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	l, err := ledger.Open(b.Context(), path, ledger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Begin(b.Context(), ledgertest.Allocation(b, "web")); err != nil {
		b.Fatal(err)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l, err := ledger.Open(b.Context(), path, ledger.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Allocation(b.Context(), "web"); err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenUnchecked is a start after a crash or a day's rest: every page
// is looked at.
func BenchmarkOpenUnchecked(b *testing.B) {
	for _, thousands := range []int{0, 1, 20} {
		b.Run(fmt.Sprintf("%dk-quotes", thousands), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "ledger.db")
			l, err := ledger.Open(b.Context(), path, ledger.Options{})
			if err != nil {
				b.Fatal(err)
			}
			quotes := make([]core.Quote, 1000*thousands)
			sample := ledgertest.Quote(b, "x", "rack1")
			for i := range quotes {
				quotes[i] = sample
				quotes[i].ID = fmt.Sprintf("q-%d", i)
			}
			if err := firstOf(l.PutQuotes(b.Context(), "hash", quotes, time.Now()), l.Close()); err != nil {
				b.Fatal(err)
			}
			tomorrow := time.Now()
			for b.Loop() {
				tomorrow = tomorrow.Add(25 * time.Hour)
				l, err := ledger.Open(b.Context(), path, ledger.Options{Clock: func() time.Time { return tomorrow }})
				if err != nil {
					b.Fatal(err)
				}
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a provider of 60,000 prices costs: to be looked at by everybody, and to
// be seen again unchanged.
func BenchmarkLongPriceList(b *testing.B) {
	l := open(b, filepath.Join(b.TempDir(), "ledger.db"))
	list := ledgertest.PriceList(b, "r1")
	for i := range 60_000 {
		p := list.Prices[1]
		p.SKU = fmt.Sprintf("sku-%d", i)
		list.Prices = append(list.Prices, p)
	}
	if err := l.PutPriceList(b.Context(), "cloud", list); err != nil {
		b.Fatal(err)
	}
	b.Run("PriceLists", func(b *testing.B) {
		for b.Loop() {
			if all, err := l.PriceLists(b.Context(), ""); err != nil || len(all) != 1 {
				b.Fatal(all, err)
			}
		}
	})
	b.Run("PutPriceList", func(b *testing.B) {
		for b.Loop() {
			if err := l.PutPriceList(b.Context(), "cloud", list); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("PriceList", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.PriceList(b.Context(), "cloud", "r1"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
