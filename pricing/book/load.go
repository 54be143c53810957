package book

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/pricing"
)

// Limits of a book.
const (
	MaxBytes = 16 << 20
	MaxRows  = 100_000
)

// Load reads a book and makes its list, which has been checked. All faults are
// reported at once, each with its row and reason: an unknown key, unit, kind,
// currency or rule, no amount or one that is not a decimal, negative, or zero and
// not declared free, a SKU twice, a spot price above that on demand, no source,
// no date or one that is to come, no confidence.
func Load(data []byte, o Options) (*pricing.List, error) {
	b, err := Parse(data)
	if err != nil {
		return nil, err
	}
	return b.List(o)
}

// Parse reads a book without judging its prices.
func Parse(data []byte) (*Book, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("price book of %d bytes: want at most %d", len(data), MaxBytes)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	b := new(Book)
	if err := d.Decode(b); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, fmt.Errorf("price book: %w", err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("price book: more than one document")
	}
	if len(b.Prices) > MaxRows {
		return nil, fmt.Errorf("price book of %d rows: want at most %d", len(b.Prices), MaxRows)
	}
	return b, nil
}

// List makes the list, or reports all faults.
func (b *Book) List(o Options) (*pricing.List, error) {
	faults := b.headFaults(o)
	l := &pricing.List{Revision: b.Revision, Source: b.Source, AsOf: b.AsOf, Prices: make([]pricing.Price, 0, len(b.Prices))}
	seen := make(map[string]int, len(b.Prices))
	for i := range b.Prices {
		row := &b.Prices[i]
		if first, twice := seen[row.SKU]; twice {
			faults = append(faults, fmt.Errorf("row %d, sku %.64q: is in row %d too", i+1, row.SKU, first))
			continue
		}
		seen[row.SKU] = i + 1
		p, err := row.price(b, o)
		if err != nil {
			faults = append(faults, fmt.Errorf("row %d, sku %.64q: %w", i+1, row.SKU, err))
			continue
		}
		if row.Confidence == "low" && !o.Low {
			continue
		}
		l.Prices = append(l.Prices, p)
	}
	if len(l.Prices) == 0 && len(faults) == 0 {
		faults = append(faults, errors.New("no prices"))
	}
	// What the rows say of one another; faults there name the SKU.
	if len(faults) == 0 {
		if err := l.Check(); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("price book %.64q: %w", b.Revision, errors.Join(faults...))
	}
	return l, nil
}

func (b *Book) headFaults(o Options) []error {
	var faults []error
	for name, v := range map[string]string{"provider": b.Provider, "revision": b.Revision, "source": b.Source} {
		if v == "" || len(v) > 500 {
			faults = append(faults, fmt.Errorf("%s: want a text of at most 500 bytes", name))
		}
	}
	slices.SortFunc(faults, func(x, y error) int { return bytes.Compare([]byte(x.Error()), []byte(y.Error())) })
	if _, err := pricing.NewMoney("0", b.Currency); err != nil {
		faults = append(faults, err)
	}
	if err := date(b.AsOf, o); err != nil {
		faults = append(faults, err)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Billing)) {
		rules := b.Billing[name]
		if rules == nil {
			faults = append(faults, fmt.Errorf("billing %.64q is empty", name))
			continue
		}
		if err := rules.Check(); err != nil {
			faults = append(faults, fmt.Errorf("billing %.64q: %w", name, err))
		}
		if rules.Source == "" || rules.AsOf.IsZero() {
			faults = append(faults, fmt.Errorf("billing %.64q: want a source and as_of", name))
		}
		if rules.SpotOf != "" || len(rules.Includes) > 0 {
			faults = append(faults, fmt.Errorf("billing %.64q: spot_of and includes belong to a row", name))
		}
	}
	return faults
}

func date(t time.Time, o Options) error {
	if t.IsZero() {
		return errors.New("as_of: want a date such as 2026-10-28")
	}
	if !o.NotAfter.IsZero() && t.After(o.NotAfter) {
		return fmt.Errorf("as_of %s is yet to come", t.Format(time.DateOnly))
	}
	return nil
}

func (r *Row) price(b *Book, o Options) (pricing.Price, error) {
	var faults []error
	amount, err := pricing.NewMoney(r.Amount, b.Currency)
	if err != nil {
		faults = append(faults, err)
	}
	p := pricing.Price{
		SKU: r.SKU, Kind: r.Kind, Unit: r.Unit, Amount: amount, Free: r.Free, Text: r.Text, Family: r.Family,
		Confidence: r.Confidence, Source: r.Source, AsOf: r.AsOf,
	}
	switch r.Confidence {
	case "high", "medium", "low":
	default:
		faults = append(faults, fmt.Errorf("confidence %.20q: want high, medium or low", r.Confidence))
	}
	if !r.AsOf.IsZero() {
		if err := date(r.AsOf, o); err != nil {
			faults = append(faults, err)
		}
	}
	if r.Billing != "" {
		if p.Billing = b.Billing[r.Billing]; p.Billing == nil {
			faults = append(faults, fmt.Errorf("billing %.64q is not among the book's %q", r.Billing, slices.Sorted(maps.Keys(b.Billing))))
		}
	}
	if r.SpotOf != "" || len(r.Includes) > 0 {
		var own pricing.Billing
		if p.Billing != nil {
			own = *p.Billing
		}
		own.SpotOf, own.Spot, own.Includes = r.SpotOf, own.Spot || r.SpotOf != "", r.Includes
		p.Billing = &own
	}
	if err == nil {
		if err := p.Check(); err != nil {
			faults = append(faults, err)
		}
	}
	return p, errors.Join(faults...)
}
