package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
)

// inUse is the revision of the list in use of a provider.
func (w *world) inUse(provider string) string {
	w.t.Helper()
	used, err := w.ledger.UsedPriceLists(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return used[provider].Revision
}

// prices is the list of a provider that was seen last.
func (w *world) prices(provider string) *pricing.List {
	w.t.Helper()
	infos, err := w.PriceLists(w.t.Context(), provider)
	if err != nil || len(infos) == 0 {
		w.t.Fatal(infos, err)
	}
	last := slices.MaxFunc(infos, func(a, b api.PriceListInfo) int { return a.SeenAt.Compare(b.SeenAt) })
	list, _, err := w.PriceList(w.t.Context(), provider, last.Revision)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func money(t *testing.T, amount, currency string) pricing.Money {
	t.Helper()
	m, err := pricing.NewMoney(amount, currency)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What changes little comes into use by itself; what jumps waits for a yes, and
// nothing is bought by it before.
func TestListInUse(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	first := w.offers().Quotes[0]
	if w.inUse("p") != first.ListRevision {
		t.Fatalf("in use is %q, priced by %q", w.inUse("p"), first.ListRevision)
	}
	w.change("p", "mem", `"core_price":"0.06"`)
	second := w.offers().Quotes[0]
	if second.ListRevision == first.ListRevision || w.inUse("p") != second.ListRevision {
		t.Errorf("tripled: in use is %q, priced by %q", w.inUse("p"), second.ListRevision)
	}

	w.change("p", "mem", `"core_price":"0.1801"`)
	result := w.offers()
	if len(result.Quotes) != 0 || len(result.Reasons) != 1 || w.inUse("p") != second.ListRevision {
		t.Fatalf("%d quotes, %+v, in use %q", len(result.Quotes), result.Reasons, w.inUse("p"))
	}
	r := result.Reasons[0]
	if r.Provider != "p" || r.Want != "0.06 EUR" || r.Have != "0.1801 EUR" {
		t.Errorf("%+v", r)
	}
	for _, part := range []string{"core-zone-a: rose by more than 3 times, from 0.06 EUR to 0.1801 EUR", "meson prices refresh p"} {
		if !strings.Contains(r.Text, part) {
			t.Errorf("%q does not say %q", r.Text, part)
		}
	}
	_, err := w.deploy(api.DeployRequest{})
	refused(t, err, core.NoOffer, "nobody")

	// As it was: nothing is asked.
	w.change("p", "mem", `"core_price":"0.06"`)
	if result := w.offers(); len(result.Quotes) != 1 || result.Quotes[0].ListRevision != second.ListRevision {
		t.Errorf("%+v", result)
	}
}

// A price that jumps between the quote and the deploy is one that changed.
func TestJumpBeforeDeployIsRefused(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	shown := w.offers().Quotes[0]
	// Down, so that only the missing yes stands in the way.
	w.change("p", "mem", `"core_price":"0.001"`)
	_, err := w.deploy(api.DeployRequest{OfferID: shown.ID})
	refused(t, err, core.Conflict, "wait for your yes")
	if w.machines("p") != 0 {
		t.Error("a machine was made")
	}
}

// lie keeps, under the revision that p has with some settings, a list that says
// something else.
func (w *world) lie(settings string) {
	w.t.Helper()
	honest := newWorld(w.t)
	honest.add("p", "mem", settings)
	honest.offers()
	list := honest.prices("p")
	list.Prices[0].Amount = money(w.t, "0.0199", "EUR")
	if err := w.ledger.PutPriceList(w.t.Context(), "p", list); err != nil {
		w.t.Fatal(err)
	}
}

// What a list says under one revision it says for ever: its provider is at fault,
// and the others are not.
func TestListThatChangedUnderItsRevision(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.add("q", "mem", `"core_price":"0.05"`)
	w.lie("")
	result := w.offers()
	if len(result.Quotes) != 1 || result.Quotes[0].Provider != "q" || len(result.Failures) != 1 || !strings.Contains(result.Failures[0].Err.Error(), "said something else before") {
		t.Errorf("%+v", result)
	}
}

func TestListThatChangedUnderItsRevisionIsNotBought(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	shown := w.offers().Quotes[0]
	w.change("p", "mem", `"core_price":"0.015"`)
	w.lie(`"core_price":"0.015"`)
	_, err := w.deploy(api.DeployRequest{OfferID: shown.ID})
	refused(t, err, core.Internal, "the offer was refused")
	if w.machines("p") != 0 {
		t.Error("a machine was made")
	}
}

// A provider whose prices cannot be had is at fault, and its offers are priced by
// the list in use, if it is the one that they refer to.
func TestLastGoodListStaysInUse(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	good := w.offers().Quotes[0]
	w.change("p", "mem", `"faults":{"prices":"internal"}`)
	result := w.offers()
	if len(result.Quotes) != 1 || result.Quotes[0].ListRevision != good.ListRevision || result.Quotes[0].Price.Total.String() != good.Price.Total.String() {
		t.Errorf("quotes %+v", result.Quotes)
	}
	if len(result.Failures) != 1 || result.Failures[0].Provider != "p" {
		t.Errorf("failures %+v", result.Failures)
	}
	if a := w.mustDeploy(api.DeployRequest{}); a.Offer.ListRevision != good.ListRevision {
		t.Errorf("bought by %s", a.Offer.ListRevision)
	}

	w.change("p", "mem", `"core_price":"0.021","faults":{"prices":"internal"}`)
	if result := w.offers(); len(result.Quotes) != 0 || len(result.Failures) != 1 || len(result.Reasons) != 1 || !strings.Contains(result.Reasons[0].Text, "refers to price list") {
		t.Errorf("offers by another list: %+v", result)
	}

	fresh := newWorld(t)
	fresh.add("p", "mem", `"faults":{"prices":"internal"}`)
	if result := fresh.offers(); len(result.Quotes) != 0 || len(result.Failures) != 1 {
		t.Errorf("without any list: %+v", result)
	}
}

// Terms hold for what is shown and for what is bought, and a fee that is raised in
// between is a price that rose.
func TestTermsBind(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	fee := func(percent string) {
		t.Helper()
		if err := w.PutTerms(t.Context(), "", pricing.Terms{Rules: []pricing.Rule{{Name: "allocation fee", Stage: pricing.StageOperatorFee, Percent: percent}}, TaxNote: "excluding VAT"}); err != nil {
			t.Fatal(err)
		}
	}
	plain := w.offers().Quotes[0].Price
	fee("5")
	shown := w.offers().Quotes[0]
	if want := plain.Total.Amount(); len(shown.Price.Lines) != len(plain.Lines)+2 || shown.Price.Lines[len(plain.Lines)].Base.Amount() != want {
		t.Errorf("lines %+v", shown.Price.Lines)
	}
	fee("5.1")
	_, err := w.deploy(api.DeployRequest{OfferID: shown.ID})
	refused(t, err, core.Conflict, "price rose from "+shown.Price.Total.String())
	fee("4")
	a, err := w.deploy(api.DeployRequest{OfferID: shown.ID})
	if err != nil || len(a.Offer.Price.Lines) < 2 || a.Offer.Price.Lines[len(plain.Lines)].Percent != "4" {
		t.Errorf("bought at %+v, %v", a.Offer, err)
	}
	terms, err := w.Terms(t.Context())
	if err != nil || terms[""].Rules[0].Percent != "4" || terms[""].TaxNote != "excluding VAT" {
		t.Errorf("%+v, %v", terms, err)
	}
	refused(t, w.PutTerms(t.Context(), "nobody", pricing.Terms{TaxNote: "none"}), core.NotFound, "nobody")
	refused(t, w.PutTerms(t.Context(), "", pricing.Terms{Rules: []pricing.Rule{{}}}), core.Invalid, "")
}
