package pricing_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/mesoncloud/meson/pricing"
)

// market is many offers of four components each, of lists in two currencies,
// under all billing rules.
func market(t testing.TB, n int) ([]pricing.Item, *pricing.Rates) {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 12))
	rules := []*pricing.Billing{nil, upcloud(), n1()}
	amount := func(max uint64, digits int, currency string) pricing.Money {
		m, err := pricing.NewMoney("0."+fmt.Sprintf("%0*d", digits, 1+rng.Uint64N(max)), currency)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var quoters []*pricing.Quoter
	for i, currency := range []string{"EUR", "USD", "EUR", "USD", "EUR", "USD"} {
		l := &pricing.List{Revision: strconv.Itoa(i), Source: "made up", AsOf: noon()}
		for region := range 30 {
			b := rules[(i+region)%3]
			for _, p := range []pricing.Price{
				{SKU: "core", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: amount(60000, 6, currency), Billing: b},
				{SKU: "ram", Kind: pricing.KindMemory, Unit: pricing.UnitGiBHour, Amount: amount(8000, 6, currency), Billing: b},
				{SKU: "disk", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: amount(200, 3, currency)},
				{SKU: "ip", Kind: pricing.KindAddress, Unit: pricing.UnitHour, Amount: amount(6000, 6, currency)},
			} {
				p.SKU = fmt.Sprintf("%s@region-%d", p.SKU, region)
				l.Prices = append(l.Prices, p)
			}
		}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		quoters = append(quoters, l.Quoter(pricing.Month))
	}
	items := make([]pricing.Item, n)
	for i := range items {
		region := rng.IntN(30)
		q := func(sku, n string) pricing.Quantity {
			return pricing.Quantity{SKU: fmt.Sprintf("%s@region-%d", sku, region), Amount: n}
		}
		items[i] = pricing.Item{Quoter: quoters[i*len(quoters)/n], Quantities: []pricing.Quantity{
			q("core", strconv.Itoa(1+rng.IntN(64))), q("ram", []string{"0.5", "1.75", "4", "16", "640"}[rng.IntN(5)]),
			q("disk", strconv.Itoa(10+rng.IntN(500))), q("ip", "1"),
		}}
		items[i].Quantities[0].Divisor = rng.Int64N(4)
	}
	return items, madeUp(t)
}

// allExact prices every item in full and sorts by exact worth.
func allExact(t testing.TB, items []pricing.Item, rates *pricing.Rates) []pricing.Ranked {
	t.Helper()
	all := make([]pricing.Ranked, 0, len(items))
	for i, it := range items {
		q, err := it.Quoter.Quote(it.Quantities)
		if err != nil {
			continue
		}
		all = append(all, pricing.Ranked{Index: i, Quote: q})
	}
	slices.SortStableFunc(all, func(a, b pricing.Ranked) int {
		c, err := rates.Compare(a.Quote.Total, b.Quote.Total)
		if err != nil {
			t.Fatal(err)
		}
		return c
	})
	return all
}

// Pruning changes nothing: the same offers, in the same order, to the last digit.
func TestCheapestIsTheExactOrder(t *testing.T) {
	items, rates := market(t, 5000)
	// Some that are equal, some that differ in the last digit, some without a price,
	// some too large for integers.
	for i := range 100 {
		items[i+200] = items[i]
		items[i+300].Quantities[0].Amount = "1.000000000000000000000" + strconv.Itoa(i%3)
	}
	items[7].Quantities = []pricing.Quantity{{SKU: "gone", Amount: "1"}}
	items[8].Quantities = nil
	items[9].Quantities = []pricing.Quantity{{SKU: "core@region-1", Amount: "-1"}}
	items[10].Quantities = []pricing.Quantity{{SKU: "core@region-1", Amount: "99999999999999999999999999999"}}
	items[11].Quoter = nil
	items[12].Quantities = slices.Clone(items[12].Quantities)
	for i := range items[12].Quantities {
		items[12].Quantities[i].Included = true
	}
	valid := slices.Clone(items)
	valid[11] = valid[7]
	want := allExact(t, valid, rates)
	for _, n := range []int{1, 100, 4999, 6000} {
		got, faults := pricing.Cheapest(items, n, rates)
		if len(got) != min(n, len(want)) || len(faults) != 4 {
			t.Fatalf("%d ranked, %d faults; want %d and 4: %v", len(got), len(faults), min(n, len(want)), faults)
		}
		for i := range got {
			if got[i].Index != want[i].Index || got[i].Quote.Total.String() != want[i].Quote.Total.String() {
				t.Fatalf("place %d of %d is item %d at %s, want %d at %s", i, n, got[i].Index, got[i].Quote.Total, want[i].Index, want[i].Quote.Total)
			}
		}
	}
	if got, faults := pricing.Cheapest(items, 0, rates); got != nil || len(faults) == 0 {
		t.Errorf("none asked: %d ranked, %d faults", len(got), len(faults))
	}
	if got, faults := pricing.Cheapest(items, 10, nil); len(got) != 10 || len(faults) < 2000 {
		t.Errorf("without rates: %d ranked, %d not", len(got), len(faults))
	}
}

func TestQuoteAllocations(t *testing.T) {
	items, _ := market(t, 600)
	for _, it := range items {
		if n := testing.AllocsPerRun(5, func() {
			if _, err := it.Quoter.Quote(it.Quantities); err != nil {
				t.Fatal(err)
			}
		}); n > 2 {
			t.Fatalf("%v allocations for %v", n, it.Quantities)
		}
	}
}

// BenchmarkRank ranks 60,000 offers of four components, in three ways, and beside
// them as a plain scan in floats does, which is not exact.
func BenchmarkRank(b *testing.B) {
	items, rates := market(b, 60_000)
	floats := map[*pricing.Quoter]map[string]float64{}
	for _, it := range items {
		if floats[it.Quoter] == nil {
			floats[it.Quoter] = map[string]float64{}
		}
		for _, q := range it.Quantities {
			if _, ok := floats[it.Quoter][q.SKU]; !ok {
				one, err := it.Quoter.Quote([]pricing.Quantity{{SKU: q.SKU, Amount: "1"}})
				if err != nil {
					b.Fatal(err)
				}
				f, _ := strconv.ParseFloat(one.Total.Amount(), 64)
				if one.Currency == "USD" {
					f /= 1.1133
				}
				floats[it.Quoter][q.SKU] = f
			}
		}
	}
	run := func(name string, f func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			begun := cpu(b)
			f(b)
			b.ReportMetric(float64(cpu(b)-begun)/float64(b.N), "cpu-ns/op")
		})
	}
	run("first 100 exact", func(b *testing.B) {
		for b.Loop() {
			if got, faults := pricing.Cheapest(items, 100, rates); len(got) != 100 || len(faults) != 0 {
				b.Fatal(len(got), faults)
			}
		}
	})
	run("float scan", func(b *testing.B) {
		for b.Loop() {
			h := make(floatHeap, 0, 101)
			for i, it := range items {
				prices, sum := floats[it.Quoter], 0.0
				for _, q := range it.Quantities {
					n, _ := strconv.ParseFloat(q.Amount, 64)
					sum += n / float64(max(q.Divisor, 1)) * prices[q.SKU]
				}
				if len(h) < 100 || sum < h[0].total {
					heap.Push(&h, floatOffer{sum, i})
					if len(h) > 100 {
						heap.Pop(&h)
					}
				}
			}
		}
	})
	run("all exact", func(b *testing.B) {
		for b.Loop() {
			for _, it := range items {
				if _, err := it.Quoter.Quote(it.Quantities); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	run("all exact and sorted", func(b *testing.B) {
		for b.Loop() {
			allExact(b, items, rates)
		}
	})
}

// cpu is the processor time that the process has used, which other processes do
// not add to.
func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

type floatOffer struct {
	total float64
	index int
}

type floatHeap []floatOffer

func (h floatHeap) Len() int           { return len(h) }
func (h floatHeap) Less(i, j int) bool { return h[i].total > h[j].total }
func (h floatHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *floatHeap) Push(x any)        { *h = append(*h, x.(floatOffer)) }
func (h *floatHeap) Pop() any {
	s := *h
	*h = s[:len(s)-1]
	return s[len(s)-1]
}
