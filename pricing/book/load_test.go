package book_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/book"
)

func golden(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLoad(t *testing.T) {
	l, err := book.Load(golden(t), book.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := l.Quote([]pricing.Quantity{{SKU: "n2-core@us-central1", Amount: "4"}, {SKU: "n2-ram@us-central1", Amount: "16"}}, 1)
	if err != nil || q.Hour.String() != "0.194236 USD" {
		t.Errorf("n2-standard-4 is %s, %v; want 0.194236 USD", q.Hour, err)
	}
	spot, ok := l.Find("n1-core-spot@us-central1")
	if !ok || !spot.Billing.Spot || spot.Billing.MinimumSeconds != 60 || spot.Billing.Stopped != pricing.StoppedFree {
		t.Errorf("spot is billed as %+v", spot.Billing)
	}
	if plain, _ := l.Find("n1-core@us-central1"); plain.Billing.Spot {
		t.Error("the rules of the book became spot")
	}
	if _, ok := l.Find("hyperdisk-balanced@us-central1"); ok {
		t.Error("a row of low confidence is in the list")
	}
	l, err = book.Load(golden(t), book.Options{Low: true})
	if p, ok := l.Find("hyperdisk-balanced@us-central1"); err != nil || !ok || p.Source != "secondary sources" {
		t.Errorf("with low confidence: %+v, %v", p, err)
	}
}

func TestLoadNamesEveryFault(t *testing.T) {
	data := `
provider: ""
revision: r
currency: XQQ
source: s
as_of: 2031-01-01
billing:
  a: {cap_hours: 900, source: s, as_of: 2026-01-01}
  b: {cap_hours: 672}
  c:
prices: []
`
	faults(t, data, "provider: want", `currency "XQQ"`, "2031-01-01 is yet to come", `billing "a": cap_hours 900`, `billing "b": want a source`, `billing "c" is empty`)
	faults(t, `
provider: p
revision: r
currency: EUR
source: s
as_of: 2026-01-01
prices:
  - {sku: a, kind: compute, unit: hour, amount: 0, confidence: high}
  - {sku: b, kind: compute, unit: hour, amount: -1, confidence: high}
  - {sku: c, kind: compute, unit: fortnight, amount: 1, confidence: high}
  - {sku: d, kind: magic, unit: hour, amount: 1, confidence: high}
  - {sku: d, kind: compute, unit: hour, amount: 1, confidence: high}
  - {sku: e, kind: compute, unit: hour, amount: .nan, confidence: sure, billing: gone}
  - {sku: f, kind: compute, unit: hour, amount: 1e-3, confidence: high, as_of: 2031-01-01}
  - {sku: "", kind: compute, unit: hour, amount: 1, confidence: high}
  - {sku: g, kind: compute, unit: hour, confidence: high}
`, `row 1, sku "a": zero, and not declared free`, `row 2, sku "b": -1 EUR is negative`, "fortnight", "magic", `row 5, sku "d": is in row 4 too`,
		`row 6, sku "e": amount ".nan"`, `confidence "sure"`, `billing "gone"`, `amount "1e-3"`, "yet to come", "no sku", `row 9, sku "g": amount ""`)
	faults(t, strings.Replace(string(golden(t)), "0.01115", "0.31115", 1), "above 0.031611 USD on demand")
	faults(t, strings.Replace(string(golden(t)), "spot_of: n1-core@us-central1", "spot_of: gone", 1), "not in the list")
	faults(t, "provider: p\nsurprise: 1\nprices:\n - {sku: a, colour: red}\n", "surprise", "colour")
	faults(t, string(golden(t))+"\n---\n{}\n", "more than one document")
	faults(t, "", "empty")
	faults(t, "provider: [", "price book")
	faults(t, strings.Repeat(" ", book.MaxBytes+1), "at most")
}

func faults(t *testing.T, data string, want ...string) {
	t.Helper()
	l, err := book.Load([]byte(data), book.Options{NotAfter: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)})
	if err == nil {
		t.Fatalf("accepted with %d prices", len(l.Prices))
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not among the faults:\n%v", w, err)
		}
	}
}

func TestDiff(t *testing.T) {
	row := func(sku, amount, more string) string {
		return fmt.Sprintf("  - {sku: %s, kind: compute, unit: hour, amount: %s, confidence: high%s}\n", sku, amount, more)
	}
	load := func(rows ...string) *pricing.List {
		t.Helper()
		l, err := book.Load([]byte("provider: p\nrevision: r\ncurrency: EUR\nsource: s\nas_of: 2026-01-01\nprices:\n"+strings.Join(rows, "")), book.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	older := load(row("same", "1.0", ""), row("up3", "1", ""), row("up", "1", ""), row("down", "3.01", ""), row("gone", "1", ""), row("free", "1", ""), row("family", "1", ""))
	newer := load(row("same", "1.00", ""), row("up3", "3", ""), row("up", "3.000001", ""), row("down", "1", ""), row("new", "1", ""), row("free", "0", ", free: true"), row("family", "1", ", family: n2"))
	var got []string
	for _, c := range pricing.Diff(older, newer) {
		got = append(got, fmt.Sprintf("%s %t %t %s", c.SKU, c.Old != nil, c.New != nil, c.Consent))
	}
	want := []string{
		"down true true fell by more than 3 times, from 3.01 EUR to 1 EUR",
		"family true true ",
		"free true true from 1 EUR to 0 EUR",
		"gone true false ",
		"new false true ",
		"up true true rose by more than 3 times, from 1 EUR to 3.000001 EUR",
		"up3 true true ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := len(pricing.NeedConsent(pricing.Diff(older, newer))); n != 3 {
		t.Errorf("%d changes need consent, want 3", n)
	}
	if d := pricing.Diff(older, older); len(d) != 0 {
		t.Errorf("a list differs from itself: %v", d)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(golden(f))
	f.Add([]byte("provider: p\nrevision: r\ncurrency: EUR\nsource: s\nas_of: 2026-01-01\nprices: [{sku: a, kind: disk, unit: gib, amount: 1, confidence: low}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := book.Load(data, book.Options{Low: true})
		if err != nil {
			return
		}
		if err := l.Check(); err != nil {
			t.Fatalf("a loaded list has faults: %v", err)
		}
		for _, p := range l.Prices {
			if _, err := l.Quote([]pricing.Quantity{{SKU: p.SKU, Amount: "1"}}, pricing.Month); err != nil {
				t.Fatalf("sku %q has no quote: %v", p.SKU, err)
			}
		}
	})
}
