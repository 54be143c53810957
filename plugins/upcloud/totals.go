package upcloud

import (
	"sync"

	"github.com/mesoncloud/meson/pricing"
)

// totals keeps what one quantity of a list costs over a horizon. The total of a
// quote is the exact sum of its lines, so that what many candidates have in
// common is computed once. It is safe for concurrent use.
type totals struct {
	mu sync.Mutex
	of map[pricing.Horizon]map[line]pricing.Money
}

// line is a quantity without its words.
type line struct {
	sku, amount string
	divisor     int64
}

const (
	// maxHorizons and maxLines bound what is kept.
	maxHorizons = 8
	maxLines    = 50_000
)

// price fills in what candidates cost, the totals of their quotes.
func (q *question) price(fits []found) error {
	if len(fits) == 0 {
		return nil
	}
	t := &q.shop.totals
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.of[q.horizon]
	if known == nil || len(known) > maxLines {
		if t.of == nil || len(t.of) >= maxHorizons {
			t.of = map[pricing.Horizon]map[line]pricing.Money{}
		}
		known = map[line]pricing.Money{}
		t.of[q.horizon] = known
	}
	p := pricer{known: known, list: q.shop.list, horizon: q.horizon}
	for i := range fits {
		if err := p.price(q.ask, &fits[i]); err != nil {
			return err
		}
	}
	return nil
}

// pricer adds up lines.
type pricer struct {
	known   map[line]pricing.Money
	list    *pricing.List
	horizon pricing.Horizon
	// quoter is made when the first line is not known.
	quoter *pricing.Quoter
	lines  []pricing.Quantity // of the candidate at hand
}

func (p *pricer) price(a *ask, f *found) error {
	p.lines = f.appendQuantities(p.lines[:0], a, f.diskGiB, f.tier, false)
	for i, n := range p.lines {
		if n.Included {
			continue
		}
		cost, err := p.cost(n)
		if err != nil {
			return err
		}
		if i == 0 {
			f.total = cost
		} else if f.total, err = f.total.Add(cost); err != nil {
			return err
		}
	}
	return nil
}

func (p *pricer) cost(n pricing.Quantity) (pricing.Money, error) {
	key := line{n.SKU, n.Amount, n.Divisor}
	if m, ok := p.known[key]; ok {
		return m, nil
	}
	if p.quoter == nil {
		p.quoter = p.list.Quoter(p.horizon)
	}
	quote, err := p.quoter.Quote([]pricing.Quantity{n})
	if err != nil {
		return pricing.Money{}, err
	}
	p.known[key] = quote.Total
	return quote.Total, nil
}
