package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func (w *world) refresh(req api.RefreshRequest) map[string]api.RefreshResult {
	w.t.Helper()
	results, err := w.RefreshPrices(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]api.RefreshResult{}
	for _, r := range results {
		all[r.Provider] = r
	}
	return all
}

func say(yes bool) func(api.Consent) (bool, error) {
	return func(api.Consent) (bool, error) { return yes, nil }
}

// All providers are asked at once; what one cannot answer is its own.
func TestRefreshAll(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.add("q", "mem", `"faults":{"prices":"denied"}`)
	w.add("r", "mem", `"core_price":"0.05"`)
	all := w.refresh(api.RefreshRequest{})
	if len(all) != 3 || all["q"].Error == nil || all["q"].Error.Kind != core.Denied || all["q"].Used {
		t.Errorf("%+v", all)
	}
	for _, name := range []string{"p", "r"} {
		r := all[name]
		if r.Error != nil || !r.Used || r.From != "" || r.To != w.inUse(name) || len(r.Changes) != 0 || r.List.State != api.ListCurrent || r.List.SKUs != 3 || r.List.Currency != "EUR" {
			t.Errorf("%+v", r)
		}
	}
	if w.inUse("q") != "" {
		t.Errorf("in use of q: %q", w.inUse("q"))
	}
	if _, err := w.RefreshPrices(t.Context(), api.RefreshRequest{Provider: "nobody"}); core.KindOf(err) != core.NotFound {
		t.Errorf("of nobody: %v", err)
	}
}

// A jump waits until a person agrees, and says what it is about.
func TestRefreshAsks(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.refresh(api.RefreshRequest{})
	first := w.inUse("p")
	w.change("p", "mem", `"core_price":"0.07","memory_price":"0.005"`)

	waits := w.refresh(api.RefreshRequest{Provider: "p"})["p"]
	if waits.Used || waits.Error != nil || waits.From != first || len(waits.Changes) != 2 || waits.Changes[0].Consent == "" || waits.Changes[1].Consent != "" || waits.List.State != api.ListWaiting {
		t.Fatalf("%+v", waits)
	}
	if no := w.refresh(api.RefreshRequest{Accept: say(false)})["p"]; no.Used || w.inUse("p") != first {
		t.Errorf("after a no: %+v, in use %q", no, w.inUse("p"))
	}
	failed := w.refresh(api.RefreshRequest{Accept: func(api.Consent) (bool, error) { return false, errors.New("no terminal") }})["p"]
	if failed.Error == nil || !strings.Contains(failed.Error.Error(), "no terminal") || w.inUse("p") != first {
		t.Errorf("without an answer: %+v", failed)
	}

	infos, err := w.PriceLists(t.Context(), "")
	if err != nil || len(infos) != 2 || infos[0].Revision != first || infos[0].State != api.ListCurrent || infos[0].UsedBy != "live" || infos[1].State != api.ListWaiting {
		t.Errorf("%+v, %v", infos, err)
	}
	changes, err := w.DiffPrices(t.Context(), "p", "", "")
	if err != nil || len(changes) != 2 || changes[0].SKU != "core-zone-a" || changes[0].New.Amount.String() != "0.07 EUR" {
		t.Errorf("%+v, %v", changes, err)
	}
	if back, err := w.DiffPrices(t.Context(), "p", infos[1].Revision, first); err != nil || len(back) != 2 || back[0].New.Amount.String() != "0.02 EUR" {
		t.Errorf("%+v, %v", back, err)
	}

	var asked api.Consent
	yes := w.refresh(api.RefreshRequest{Accept: func(c api.Consent) (bool, error) { asked = c; return true, nil }})["p"]
	if !yes.Used || w.inUse("p") != yes.To || yes.List.UsedBy != "person" || yes.List.State != api.ListCurrent {
		t.Errorf("after a yes: %+v", yes)
	}
	if asked.Provider != "p" || asked.From != first || asked.To != yes.To || len(asked.Changes) != 1 || asked.Changes[0].SKU != "core-zone-a" {
		t.Errorf("asked about %+v", asked)
	}
	if q := w.offers().Quotes; len(q) != 1 || q[0].ListRevision != yes.To {
		t.Errorf("offers %+v", q)
	}
	if list, info, err := w.PriceList(t.Context(), "p", first); err != nil || info.State != api.ListOld || list.Revision != first {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestPriceListsOfNobody(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	if infos, err := w.PriceLists(t.Context(), "p"); err != nil || len(infos) != 0 {
		t.Errorf("%+v, %v", infos, err)
	}
	_, err := w.PriceLists(t.Context(), "nobody")
	refused(t, err, core.NotFound, "nobody")
	_, _, err = w.PriceList(t.Context(), "p", "")
	refused(t, err, core.NotFound, "no price list")
	_, err = w.DiffPrices(t.Context(), "p", "", "")
	refused(t, err, core.NotFound, "no price list")
	w.refresh(api.RefreshRequest{})
	_, _, err = w.PriceList(t.Context(), "p", "r0")
	refused(t, err, core.NotFound, "no price list r0")
	_, err = w.DiffPrices(t.Context(), "p", "", "r0")
	refused(t, err, core.NotFound, "r0")
}
