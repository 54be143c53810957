package cost_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/cost"
)

func money(t *testing.T, amount, currency string) pricing.Money {
	t.Helper()
	m, err := pricing.NewMoney(amount, currency)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func model(t *testing.T) cost.Model {
	t.Helper()
	return cost.Model{
		Purchase: money(t, "8760", "EUR"), LifetimeYears: "5", Watts: "400", PUE: "1.5", Energy: money(t, "0.25", "EUR"),
		Upkeep: money(t, "36.5", "EUR"), Utilisation: "0.5", Cores: "60", MemoryGiB: "240", MemoryShare: "0.25",
	}
}

// 8760/(5·8760) + 0.4·1.5·0.25 + 36.5/730 = 0.2 + 0.15 + 0.05 = 0.4 EUR an hour;
// 0.4·0.75/(60·0.5) = 0.01 a core, 0.4·0.25/(240·0.5) = 0.000833… a GiB.
func TestGolden(t *testing.T) {
	p, err := model(t).Prices()
	if err != nil {
		t.Fatal(err)
	}
	if p.Hour.String() != "0.4 EUR" || p.CoreHour.String() != "0.01 EUR" || p.GiBHour.String() != "0.000833334 EUR" {
		t.Errorf("got %s, %s a core, %s a GiB", p.Hour, p.CoreHour, p.GiBHour)
	}
}

// What is sold at the utilisation stated earns what the host costs, and less than
// a billionth per unit more.
func TestEarnsItsCost(t *testing.T) {
	for _, purchase := range []string{"10", "3333.33", "9999999"} {
		m := model(t)
		m.Purchase, m.Cores, m.Utilisation, m.MemoryShare = money(t, purchase, "EUR"), "63", "0.7", "0.3"
		p, err := m.Prices()
		if err != nil {
			t.Fatal(err)
		}
		sum := new(big.Rat)
		for amount, n := range map[string]*big.Rat{p.CoreHour.Amount(): big.NewRat(63*7, 10), p.GiBHour.Amount(): big.NewRat(240*7, 10)} {
			r, _ := new(big.Rat).SetString(amount)
			sum.Add(sum, r.Mul(r, n))
		}
		hour, _ := new(big.Rat).SetString(p.Hour.Amount())
		over := sum.Sub(sum, hour)
		if over.Cmp(big.NewRat(-1, 1e9)) < 0 || over.Cmp(big.NewRat(303, 1e9)) > 0 {
			t.Errorf("purchase %s: %s more is earned than it costs", purchase, over.FloatString(12))
		}
	}
}

func TestRefuses(t *testing.T) {
	m := cost.Model{Purchase: money(t, "-1", "EUR"), LifetimeYears: "0", Watts: "1/3", PUE: "0.9", Energy: money(t, "0.25", "USD"), Upkeep: money(t, "-1", "EUR"), Utilisation: "1.1", Cores: "", MemoryGiB: "NaN", MemoryShare: "1e-1"}
	_, err := m.Prices()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{`purchase "-1"`, `lifetime_years "0": want a decimal from 0.5 to 20`, `watts "1/3"`, `pue "0.9"`, "energy in USD: want EUR", `upkeep "-1"`, `utilisation "1.1"`, `cores ""`, `memory_gib "NaN"`, `memory_share "1e-1"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among the faults:\n%v", want, err)
		}
	}
	if _, err := (cost.Model{}).Prices(); err == nil || !strings.Contains(err.Error(), "purchase: want an amount") {
		t.Errorf("an empty model: %v", err)
	}
}
