// Package cost turns what a host costs its owner into prices: a core for an hour
// and a GiB of memory for an hour.
package cost

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/mesoncloud/meson/pricing"
)

// Model is what a host costs and what it has to sell. Numbers are decimal
// strings; all but Upkeep have to be set.
//
//	hourly cost   C = Purchase ÷ (LifetimeYears × 8760 h)
//	                + Watts ÷ 1000 W/kW × PUE × Energy per kWh
//	                + Upkeep per month ÷ 730 h
//	core_hour       = C × (1 − MemoryShare) ÷ (Cores × Utilisation)
//	gib_hour        = C × MemoryShare ÷ (MemoryGiB × Utilisation)
//
// A host that is sold Utilisation of the time therefore earns C: both prices times
// what is sold come to it.
type Model struct {
	// Purchase is the price of the host, without what can be deducted.
	Purchase pricing.Money `json:"purchase"`
	// LifetimeYears is over how many years of 8760 h it is written off.
	LifetimeYears string `json:"lifetime_years"`
	// Watts is the average power draw at the plug, in W.
	Watts string `json:"watts"`
	// PUE is the power usage effectiveness of the site: all energy over that of the
	// machines.
	PUE string `json:"pue"`
	// Energy is the price of a kWh.
	Energy pricing.Money `json:"energy"`
	// Upkeep is what else it costs a month, such as rack space; none where unset.
	Upkeep pricing.Money `json:"upkeep,omitzero"`
	// Utilisation is the part of the capacity that is sold on average, 0.05 to 1.
	Utilisation string `json:"utilisation"`
	// Cores is what the host has to sell of them, reserves taken off, and MemoryGiB
	// of memory.
	Cores     string `json:"cores"`
	MemoryGiB string `json:"memory_gib"`
	// MemoryShare is the part of the cost that memory bears, 0 to 0.9.
	MemoryShare string `json:"memory_share"`
}

// Prices are what a model comes to.
type Prices struct {
	// Hour is what the host costs in an hour.
	Hour     pricing.Money `json:"hour"`
	CoreHour pricing.Money `json:"core_hour"`
	GiBHour  pricing.Money `json:"gib_hour"`
}

// Decimals is how many the prices keep, rounded up: what is sold earns no less
// than it costs. Everything before is exact.
const Decimals = 9

// bound is what a number of a model may be.
type bound struct {
	name, text string
	low, high  string
	value      *big.Rat
}

// Prices computes a model, or reports every fault of it at once: a number that is
// missing, no decimal, or not plausible, and amounts in different currencies.
func (m Model) Prices() (Prices, error) {
	numbers := []bound{
		{name: "lifetime_years", text: m.LifetimeYears, low: "0.5", high: "20"},
		{name: "watts", text: m.Watts, low: "1", high: "20000"},
		{name: "pue", text: m.PUE, low: "1", high: "4"},
		{name: "utilisation", text: m.Utilisation, low: "0.05", high: "1"},
		{name: "cores", text: m.Cores, low: "1", high: "4096"},
		{name: "memory_gib", text: m.MemoryGiB, low: "0.5", high: "131072"},
		{name: "memory_share", text: m.MemoryShare, low: "0", high: "0.9"},
	}
	var faults []error
	for i := range numbers {
		if err := numbers[i].read(); err != nil {
			faults = append(faults, err)
		}
	}
	purchase, err := m.money("purchase", m.Purchase, "10", "10000000")
	faults = append(faults, err)
	energy, err := m.money("energy", m.Energy, "0.0001", "1000")
	faults = append(faults, err)
	upkeep := new(big.Rat)
	if m.Upkeep.IsSet() {
		upkeep, err = m.money("upkeep", m.Upkeep, "0", "1000000")
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return Prices{}, fmt.Errorf("cost model: %w", err)
	}
	years, watts, pue, utilisation, cores, memory, share := numbers[0].value, numbers[1].value, numbers[2].value, numbers[3].value, numbers[4].value, numbers[5].value, numbers[6].value
	hour := new(big.Rat).Quo(purchase, times(years, big.NewRat(8760, 1)))
	hour.Add(hour, times(watts, big.NewRat(1, 1000), pue, energy))
	hour.Add(hour, times(upkeep, big.NewRat(1, pricing.HoursPerMonth)))
	perCore := new(big.Rat).Quo(times(hour, new(big.Rat).Sub(big.NewRat(1, 1), share)), times(cores, utilisation))
	perGiB := new(big.Rat).Quo(times(hour, share), times(memory, utilisation))
	var p Prices
	for to, r := range map[*pricing.Money]*big.Rat{&p.Hour: hour, &p.CoreHour: perCore, &p.GiBHour: perGiB} {
		if *to, err = pricing.NewMoney(up(r), m.Purchase.Currency()); err != nil {
			return Prices{}, fmt.Errorf("cost model: %w", err)
		}
	}
	return p, nil
}

func times(factors ...*big.Rat) *big.Rat {
	r := big.NewRat(1, 1)
	for _, f := range factors {
		r.Mul(r, f)
	}
	return r
}

// up is a rational that is not negative as a decimal, rounded up.
func up(r *big.Rat) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(Decimals), nil)
	n, rest := new(big.Int).QuoRem(new(big.Int).Mul(r.Num(), scale), r.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		n.Add(n, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(n, scale).FloatString(Decimals)
}

func (b *bound) read() error {
	r, ok := decimal(b.text)
	low, _ := decimal(b.low)
	high, _ := decimal(b.high)
	if !ok || r.Cmp(low) < 0 || r.Cmp(high) > 0 {
		return fmt.Errorf("%s %.40q: want a decimal from %s to %s", b.name, b.text, b.low, b.high)
	}
	b.value = r
	return nil
}

// decimal reads a plain decimal, without the fractions and exponents that
// math/big knows.
func decimal(s string) (*big.Rat, bool) {
	if s == "" || len(s) > 40 || strings.Trim(s, ".0123456789") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func (m Model) money(name string, v pricing.Money, low, high string) (*big.Rat, error) {
	if !v.IsSet() {
		return new(big.Rat), fmt.Errorf("%s: want an amount and a currency", name)
	}
	if m.Purchase.IsSet() && v.Currency() != m.Purchase.Currency() {
		return new(big.Rat), fmt.Errorf("%s in %s: want %s, as the purchase", name, v.Currency(), m.Purchase.Currency())
	}
	b := bound{name: name, text: v.Amount(), low: low, high: high}
	if err := b.read(); err != nil {
		return new(big.Rat), err
	}
	return b.value, nil
}
