package place_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

func quote(t testing.TB, id, provider, zone, hour, currency string, unknown ...string) core.Quote {
	t.Helper()
	m, err := pricing.NewMoney(hour, currency)
	if err != nil {
		t.Fatal(err)
	}
	list := pricing.List{Revision: "r", Prices: []pricing.Price{{SKU: "vm", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: m}}}
	price, err := list.Quote([]pricing.Quantity{{SKU: "vm", Amount: "1"}}, pricing.Month)
	if err != nil {
		t.Fatal(err)
	}
	return core.Quote{ID: id, Offer: core.Offer{ID: id, Provider: provider, Zone: zone, Region: "eu", Unknown: unknown}, Price: price}
}

func ids(quotes []core.Quote) string {
	var s []string
	for _, q := range quotes {
		s = append(s, q.ID)
	}
	return strings.Join(s, " ")
}

func TestChoose(t *testing.T) {
	ceiling, err := pricing.ParseCeiling("10EUR/month")
	if err != nil {
		t.Fatal(err)
	}
	dollars, err := pricing.ParseCeiling("10USD/month")
	if err != nil {
		t.Fatal(err)
	}
	quotes := []core.Quote{
		quote(t, "a", "p1", "z1", "0.02", "EUR"),
		quote(t, "b", "p2", "z1", "0.01", "EUR", "reqECC"),
		quote(t, "c", "p2", "z2", "0.01", "EUR"),
		quote(t, "d", "p1", "z2", "0.01", "EUR"),
		quote(t, "e", "p3", "z1", "0.001", "USD"),
	}
	for _, c := range []struct {
		name   string
		policy place.Policy
		want   string
		left   []string
	}{
		{"cheapest; then known, then by name", place.Policy{}, "d c b a", []string{`not ranked: no exchange rate for "USD": there are no rates`}},
		{"one provider", place.Policy{Provider: "p2"}, "c b", []string{"p1 was not asked for", "p1 was not asked for", "p3 was not asked for"}},
		{"below a ceiling", place.Policy{Ceiling: ceiling}, "d c b", []string{"14.6000EUR/month, more than 10EUR/month", "no exchange rate"}},
		{"in dollars", place.Policy{Currency: "USD"}, "e", []string{"no exchange rate", "no exchange rate", "no exchange rate", "no exchange rate"}},
		{"where only dollars are asked", place.Policy{Provider: "p3"}, "e", []string{"p1", "p1", "p2", "p2"}},
		{"below a ceiling in dollars", place.Policy{Ceiling: dollars}, "e", []string{"no exchange rate", "no exchange rate", "no exchange rate", "no exchange rate"}},
		{"nowhere", place.Policy{Region: "us"}, "", []string{"region", "region", "region", "region", "region"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 20 {
				rand.Shuffle(len(quotes), func(i, j int) { quotes[i], quotes[j] = quotes[j], quotes[i] })
				placement, left := place.Choose(quotes, c.policy)
				if got := ids(placement.Quotes); got != c.want {
					t.Fatalf("order %q, want %q", got, c.want)
				}
				if len(left) != len(c.left) {
					t.Fatalf("left out: %+v", left)
				}
				for i, want := range c.left {
					if !strings.Contains(left[i].Text, want) {
						t.Errorf("reason %d is %q, want %q", i, left[i].Text, want)
					}
				}
				if placement.Why == "" {
					t.Error("it does not say why")
				}
			}
		})
	}
}

// Reasons are in one order, whatever the order of the quotes.
func TestReasonsAreOrdered(t *testing.T) {
	ceiling, err := pricing.ParseCeiling("0.001EUR/h")
	if err != nil {
		t.Fatal(err)
	}
	quotes := []core.Quote{quote(t, "a", "p", "z", "0.02", "EUR"), quote(t, "b", "p", "z", "0.01", "EUR"), quote(t, "c", "p", "z", "0.03", "EUR")}
	_, want := place.Choose(quotes, place.Policy{Ceiling: ceiling})
	for range 20 {
		rand.Shuffle(len(quotes), func(i, j int) { quotes[i], quotes[j] = quotes[j], quotes[i] })
		if _, got := place.Choose(quotes, place.Policy{Ceiling: ceiling}); !slices.Equal(got, want) {
			t.Fatalf("%+v, before %+v", got, want)
		}
	}
}
