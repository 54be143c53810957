package alloc_test

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
)

func TestQuoteBinds(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*cloud)
		kind   core.Kind
		want   string
	}{
		{"dearer", func(c *cloud) { c.amount = "0.011" }, core.Conflict, "price rose from"},
		{"another machine", func(c *cloud) { c.vcpus = 1 }, core.Conflict, "machine changed from"},
		{"cheaper", func(c *cloud) { c.amount = "0.009" }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "0.01", "0.02")
			req := w.request("web1")
			c.change(w.clouds["c1"])
			a, err := w.engine(nil).Start(t.Context(), req, nil)
			if core.KindOf(err) != c.kind || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %s with %q", err, c.kind, c.want)
			}
			if err != nil {
				if a.State != core.Failed || w.clouds["c1"].creates+w.clouds["c2"].creates > 0 {
					t.Errorf("%s after %d Creates", a.State, w.clouds["c1"].creates+w.clouds["c2"].creates)
				}
			} else if got := a.Offer.Price.Hour.Amount(); got != "0.009" {
				t.Errorf("bought at %s", got)
			}
			w.truth(a.ID)
		})
	}
}

// A fallback that has become dearer is passed over: only the first was shown as
// the one to be bought.
func TestDearerFallbackIsPassedOver(t *testing.T) {
	w := newWorld(t, "0.01", "0.02", "0.03")
	req := w.request("web1")
	w.clouds["c1"].offered = false
	w.clouds["c2"].amount = "0.025"
	a, err := w.engine(nil).Start(t.Context(), req, nil)
	if err != nil || a.Offer.Provider != "c3" || w.clouds["c2"].creates > 0 {
		t.Errorf("%v, %v", a.Offer, err)
	}
	w.truth(a.ID)
}
