package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// bookOf is a price book of plugin mem.
func bookOf(revision, core string, more ...string) []byte {
	return []byte(`provider: mem
revision: ` + revision + `
currency: USD
source: our contract
as_of: 2026-11-01
prices:
  - {sku: core-zone-a, kind: compute, unit: hour, amount: "` + core + `", confidence: high}
  - {sku: memory, kind: memory, unit: gib-hour, amount: "0.004", confidence: high}
` + strings.Join(more, "\n"))
}

const diskRow = `  - {sku: disk, kind: disk, unit: gib-month, amount: "0.05", confidence: high}`

// An imported list prices the provider's offers until a person goes back to the
// provider's own.
func TestImport(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	own := w.offers().Quotes[0]

	r, err := w.ImportPrices(t.Context(), api.ImportRequest{Provider: "p", Book: bookOf("ours", "0.01", diskRow), DryRun: true, Accept: func(api.Consent) (bool, error) {
		t.Error("asked in a dry run")
		return false, nil
	}})
	if err != nil || r.Used || r.List.State != api.ListUnkept || len(r.Changes) != 3 || r.From != own.ListRevision || r.To != "ours" {
		t.Fatalf("%+v, %v", r, err)
	}
	r, err = w.ImportPrices(t.Context(), api.ImportRequest{Provider: "p", Book: bookOf("ours", "0.01", diskRow), Accept: say(false)})
	if infos, lerr := w.PriceLists(t.Context(), "p"); err != nil || lerr != nil || r.Used || len(infos) != 1 {
		t.Errorf("after a no: %+v, %v, %d lists", r, err, len(infos))
	}
	r, err = w.ImportPrices(t.Context(), api.ImportRequest{Provider: "p", Book: bookOf("ours", "0.01", diskRow), Accept: say(true)})
	if err != nil || !r.Used || r.List.State != api.ListImported || r.List.UsedBy != "person" {
		t.Fatalf("%+v, %v", r, err)
	}

	q := w.offers().Quotes[0]
	if q.ListRevision != "ours" || q.Price.Currency != "USD" || q.Price.Lines[0].Source != "our contract" || q.Price.Lines[0].UnitPrice.String() != "0.01 USD" {
		t.Errorf("%+v", q.Price)
	}
	a := w.mustDeploy(api.DeployRequest{OfferID: q.ID})
	if a.Offer.ListRevision != "ours" || a.Offer.Price.Total.String() != q.Price.Total.String() {
		t.Errorf("bought at %+v", a.Offer)
	}
	if info, err := w.Quote(t.Context(), q.ID); err != nil || !info.Recomputed {
		t.Errorf("%+v, %v", info, err)
	}

	// The provider's own prices change, and matter to nobody.
	w.change("p", "mem", `"core_price":"0.03"`)
	if q := w.offers().Quotes[0]; q.ListRevision != "ours" {
		t.Errorf("priced by %s", q.ListRevision)
	}
	live := w.refresh(api.RefreshRequest{Accept: say(true)})["p"]
	if live.Used || live.List.State != api.ListWaiting || w.inUse("p") != "ours" {
		t.Errorf("a plain refresh: %+v", live)
	}
	if live = w.refresh(api.RefreshRequest{Live: true})["p"]; live.Used || w.inUse("p") != "ours" {
		t.Errorf("without a yes: %+v", live)
	}
	if live = w.refresh(api.RefreshRequest{Live: true, Accept: say(true)})["p"]; !live.Used || live.List.State != api.ListCurrent || w.inUse("p") != live.To {
		t.Errorf("back to its own: %+v", live)
	}
	if q := w.offers().Quotes[0]; q.ListRevision != live.To || q.Price.Currency != "EUR" {
		t.Errorf("priced by %s", q.ListRevision)
	}
}

// What an imported list lacks has no price, and says so.
func TestImportedListLacksASKU(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	if _, err := w.ImportPrices(t.Context(), api.ImportRequest{Provider: "p", Book: bookOf("short", "0.01")}); err != nil {
		t.Fatal(err)
	}
	result := w.offers()
	if len(result.Quotes) != 0 || len(result.Reasons) != 1 || !strings.Contains(result.Reasons[0].Text, `sku "disk": price list "short"`) {
		t.Errorf("%+v", result)
	}
}

func TestImportRefuses(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	if _, err := w.ImportPrices(t.Context(), api.ImportRequest{Provider: "p", Book: bookOf("ours", "0.01", diskRow)}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		book []byte
		kind core.Kind
		want []string
	}{
		"every fault":       {bookOf("bad", "-1", `  - {sku: disk, kind: disk, unit: fortnight, amount: "0.05", confidence: high}`, diskRow), core.Invalid, []string{`row 1, sku "core-zone-a"`, "negative", `row 3, sku "disk"`, `unit "fortnight"`, "is in row 3 too"}},
		"another provider":  {[]byte(strings.Replace(string(bookOf("x", "0.01")), "provider: mem", "provider: gcp", 1)), core.Invalid, []string{`"gcp": want p, or its plugin mem`}},
		"an unknown key":    {bookOf("x", "0.01", "prizes: []"), core.Invalid, []string{"prizes"}},
		"nothing":           {nil, core.Invalid, []string{"it is empty"}},
		"the same revision": {bookOf("ours", "0.011", diskRow), core.Conflict, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, dry := range []bool{true, false} {
				_, err := w.ImportPrices(t.Context(), api.ImportRequest{Provider: "p", Book: c.book, Accept: say(true), DryRun: dry})
				e, ok := errors.AsType[*core.Error](err)
				if !ok || e.Kind != c.kind {
					t.Fatalf("%v, want %s", err, c.kind)
				}
				var texts []string
				for _, f := range e.Faults {
					texts = append(texts, f.Text)
				}
				for _, want := range c.want {
					if !strings.Contains(strings.Join(texts, "\n"), want) {
						t.Errorf("%q is not among the faults %q", want, texts)
					}
				}
			}
			if w.inUse("p") != "ours" {
				t.Errorf("in use is %q", w.inUse("p"))
			}
		})
	}
	_, err := w.ImportPrices(t.Context(), api.ImportRequest{Provider: "nobody", Book: bookOf("x", "1")})
	refused(t, err, core.NotFound, "nobody")
}
