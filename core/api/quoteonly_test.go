package api_test

import (
	"errors"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// What can only be quoted is shown in its place, and never bought.
func TestQuoteOnly(t *testing.T) {
	w := newWorld(t)
	w.add("dry", "mem", `"core_price":"0.001","quote_only":"no credentials for dry"`)
	result := w.offers()
	if len(result.Quotes) != 1 || result.Quotes[0].QuoteOnly == "" || len(result.Reasons) != 0 {
		t.Fatalf("%+v", result)
	}
	_, err := w.deploy(api.DeployRequest{OfferID: result.Quotes[0].ID})
	refused(t, err, core.Denied, "quote only: no credentials for dry")
	if e, ok := errors.AsType[*core.Error](err); !ok || e.Hint != "meson provider test dry says what is missing" {
		t.Errorf("%+v", err)
	}
	_, err = w.deploy(api.DeployRequest{})
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Kind != core.NoOffer || len(e.Faults) != 1 || e.Faults[0].Text != "quote only: no credentials for dry" {
		t.Errorf("%+v", err)
	}

	w.add("p", "mem", "")
	if got := order(w.offers().Quotes); got != "dry p" {
		t.Errorf("shown as %s", got)
	}
	a := w.mustDeploy(api.DeployRequest{Choose: func(r api.OffersResult) (core.Quote, error) {
		if order(r.Quotes) != "p" || len(r.Reasons) != 1 || r.Reasons[0].Provider != "dry" {
			t.Errorf("to choose from: %+v", r)
		}
		return r.Quotes[0], nil
	}})
	if a.Offer.Provider != "p" {
		t.Errorf("bought of %s", a.Offer.Provider)
	}
	_, err = w.deploy(api.DeployRequest{Choose: func(api.OffersResult) (core.Quote, error) { return result.Quotes[0], nil }})
	refused(t, err, core.Denied, "quote only")
	if w.machines("dry") != 0 {
		t.Error("a machine was made")
	}
}
