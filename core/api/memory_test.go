package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/ledger"
)

// remembered is what offers say of refusals.
func (w *world) remembered() (quotes int, texts []string) {
	w.t.Helper()
	result := w.offers()
	for _, r := range result.Reasons {
		if strings.HasPrefix(r.Text, "refused before") {
			texts = append(texts, r.Text)
		}
	}
	return len(result.Quotes), texts
}

// A provider without live inventory that was full is not asked again, until it
// has succeeded.
func TestRefusalIsRememberedAndForgotten(t *testing.T) {
	w := newWorld(t)
	w.add("p", "cloud", `"faults":{"create":"exhausted capacity x1"}`)
	shown := w.offers().Quotes[0].ID
	_, err := w.deploy(api.DeployRequest{})
	refused(t, err, core.Exhausted, "the offer was refused")

	if quotes, texts := w.remembered(); quotes != 0 || len(texts) != 1 || !strings.Contains(texts[0], "not asked again until") {
		t.Errorf("%d quotes, %q", quotes, texts)
	}
	_, err = w.deploy(api.DeployRequest{})
	refused(t, err, core.NoOffer, "nobody")

	// Who insists is heard, and a success clears it for all.
	w.mustDeploy(api.DeployRequest{OfferID: shown})
	if quotes, texts := w.remembered(); quotes != 1 || len(texts) != 0 {
		t.Errorf("after a success: %d quotes, %q", quotes, texts)
	}
}

func TestRefusalEndsByItself(t *testing.T) {
	w := newWorld(t)
	w.add("p", "cloud", `"faults":{"create":"exhausted capacity"}`)
	_, err := w.deploy(api.DeployRequest{})
	refused(t, err, core.Exhausted, "")
	w.later = time.Hour
	if quotes, texts := w.remembered(); quotes != 1 || len(texts) != 0 {
		t.Errorf("an hour later: %d quotes, %q", quotes, texts)
	}
}

func TestLiveInventoryIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", `"faults":{"create":"exhausted capacity x1"}`)
	_, err := w.deploy(api.DeployRequest{})
	refused(t, err, core.Exhausted, "")
	if quotes, texts := w.remembered(); quotes != 1 || len(texts) != 0 {
		t.Errorf("%d quotes, %q", quotes, texts)
	}
}

// Credentials that were refused stay so until they are put right.
func TestDeniedIsRememberedUntilPutRight(t *testing.T) {
	for name, mend := range map[string]func(*world){
		"updated": func(w *world) { w.change("p", "cloud", "") },
		"tested": func(w *world) {
			if _, err := w.TestProvider(w.t.Context(), "p"); err != nil {
				w.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add("p", "cloud", `"faults":{"create":"denied"}`)
			_, err := w.deploy(api.DeployRequest{})
			refused(t, err, core.Denied, "")
			w.later = 365 * 24 * time.Hour
			if quotes, texts := w.remembered(); quotes != 0 || len(texts) != 1 || !strings.Contains(texts[0], "until that is put right") {
				t.Errorf("%d quotes, %q", quotes, texts)
			}
			mend(w)
			if quotes, texts := w.remembered(); quotes != 1 || len(texts) != 0 {
				t.Errorf("%s: %d quotes, %q", name, quotes, texts)
			}
		})
	}
}

// A test that fails puts nothing right.
func TestFailedTestForgetsNothing(t *testing.T) {
	w := newWorld(t)
	w.add("p", "cloud", `"faults":{"create":"denied","check":"denied"}`)
	_, err := w.deploy(api.DeployRequest{})
	refused(t, err, core.Denied, "")
	if _, err := w.TestProvider(t.Context(), "p"); err != nil {
		t.Error(err)
	}
	if quotes, texts := w.remembered(); quotes != 0 || len(texts) != 1 {
		t.Errorf("%d quotes, %q", quotes, texts)
	}
}

func TestPriceListIsKept(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	q := w.offers().Quotes[0]
	list, err := w.ledger.PriceList(t.Context(), "p", q.ListRevision)
	if err != nil || list.Revision != q.ListRevision || len(list.Prices) == 0 {
		t.Errorf("%+v, %v", list, err)
	}
	stored, err := w.ledger.Quote(t.Context(), q.ID)
	if err != nil || stored.Price.Total.String() != q.Price.Total.String() {
		t.Errorf("%+v, %v", stored, err)
	}
}

// A provider that changes what a revision says falls out; the others stay.
func TestPricesThatChangeSilently(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	revision := w.offers().Quotes[0].ListRevision
	list, err := w.ledger.PriceList(t.Context(), "p", revision)
	if err != nil {
		t.Fatal(err)
	}

	w = newWorld(t)
	w.add("p", "mem", "")
	w.add("q", "mem", `"core_price":"0.05"`)
	list.Prices = list.Prices[:1]
	if err := w.ledger.PutPriceList(t.Context(), "p", list); err != nil {
		t.Fatal(err)
	}
	result := w.offers()
	if len(result.Quotes) != 1 || result.Quotes[0].Provider != "q" {
		t.Errorf("quotes %+v", result.Quotes)
	}
	if len(result.Failures) != 1 || result.Failures[0].Provider != "p" || !strings.Contains(result.Failures[0].Err.Error(), "something else before") {
		t.Errorf("failures %+v", result.Failures)
	}
	if left, err := w.ledger.Allocations(t.Context(), ledger.Filter{Final: true}); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
}
