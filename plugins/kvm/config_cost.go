package kvm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/cost"
)

// CostConfig is what each host of a group costs its owner, from which the prices
// of a core and of a GiB of memory are computed; see package pricing/cost. All
// numbers are decimals, amounts in the currency of the group.
type CostConfig struct {
	Purchase      string `json:"purchase" help:"Price of one host, without what can be deducted." required:"true" example:"9600"`
	LifetimeYears string `json:"lifetime_years" help:"Over how many years of 8760 h it is written off." required:"true" example:"5"`
	Watts         string `json:"watts" help:"Average power draw of one host at the plug, in W." required:"true" example:"310"`
	PUE           string `json:"pue" help:"Power usage effectiveness of the site: all energy over that of the machines." required:"true" example:"1.4"`
	EnergyKWh     string `json:"energy_kwh" help:"Price of one kWh." required:"true" example:"0.14"`
	UpkeepMonth   string `json:"upkeep_month,omitempty" help:"What else one host costs a month, such as rack space; nothing where it is left out." example:"45"`
	Utilisation   string `json:"utilisation" help:"The part of the capacity that is sold on average, 0.05 to 1." required:"true" example:"0.6"`
	Cores         string `json:"cores" help:"Whole cores that one host has to sell, reserves taken off." required:"true" example:"30"`
	MemoryGiB     string `json:"memory_gib" help:"GiB of memory that one host has to sell, reserves taken off." required:"true" example:"250"`
	MemoryShare   string `json:"memory_share" help:"The part of the cost that memory bears, 0 to 0.9; cores bear the rest." required:"true" example:"0.4"`
	AsOf          string `json:"as_of,omitempty" help:"When these figures were right; the prices bear this date." pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" example:"2026-10-28"`
}

// costSetting is the setting behind a name that package cost knows.
func costSetting(name string) string {
	switch name {
	case "energy":
		return "energy_kwh"
	case "upkeep":
		return "upkeep_month"
	}
	return name
}

// costFault is what is wrong with one setting of a cost model.
type costFault struct{ setting, want, text string }

// prices are what the model comes to, or everything that is wrong with it.
func (c *CostConfig) prices(currency string) (cost.Prices, []costFault) {
	var faults []costFault
	money := func(setting, amount string) pricing.Money {
		m, err := pricing.NewMoney(amount, currency)
		if err != nil {
			faults = append(faults, costFault{setting, "an amount such as 0.14", fmt.Sprintf("%.40q is no amount", amount)})
			return pricing.Zero(currency)
		}
		return m
	}
	m := cost.Model{
		Purchase: money("purchase", c.Purchase), Energy: money("energy_kwh", c.EnergyKWh),
		LifetimeYears: c.LifetimeYears, Watts: c.Watts, PUE: c.PUE, Utilisation: c.Utilisation,
		Cores: c.Cores, MemoryGiB: c.MemoryGiB, MemoryShare: c.MemoryShare,
	}
	if c.UpkeepMonth != "" {
		m.Upkeep = money("upkeep_month", c.UpkeepMonth)
	}
	if _, err := c.asOf(); err != nil {
		faults = append(faults, costFault{"as_of", "a date such as 2026-10-28", fmt.Sprintf("%.20q is no day of the calendar", c.AsOf)})
	}
	prices, err := m.Prices()
	for _, one := range allOf(err) {
		// The name of a setting and what is wrong with it.
		name, text, _ := strings.Cut(one.Error(), " ")
		_, want, _ := strings.Cut(text, "want ")
		faults = append(faults, costFault{costSetting(strings.TrimSuffix(name, ":")), want, text})
	}
	return prices, faults
}

// allOf are the errors that one error joins.
func allOf(err error) []error {
	var joined interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &joined):
		return joined.Unwrap()
	}
	return []error{err}
}

func (c *CostConfig) asOf() (time.Time, error) {
	if c.AsOf == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateOnly, c.AsOf)
}

// source says what the prices were computed from, as the source of each.
func (c *CostConfig) source(p cost.Prices) string {
	upkeep := ""
	if c.UpkeepMonth != "" {
		upkeep = fmt.Sprintf(" + %s %s a month", c.UpkeepMonth, p.Hour.Currency())
	}
	return fmt.Sprintf("cost model: %s %s over %s years + %s W × PUE %s × %s %s per kWh%s = %s an hour, of which memory bears %s, sold at %s of %s cores and %s GiB",
		c.Purchase, p.Hour.Currency(), c.LifetimeYears, c.Watts, c.PUE, c.EnergyKWh, p.Hour.Currency(), upkeep,
		p.Hour, c.MemoryShare, c.Utilisation, c.Cores, c.MemoryGiB)
}

// costOf is the cost model that a host's prices of cores and memory come from,
// and the path of the level that has it; nil where they are stated. What is nearer
// to the host wins.
func (c *Config) costOf(group string, g *Group, h *HostConfig) (model *CostConfig, path string) {
	switch {
	case h.CoreHour != "" || h.GiBHour != "":
	case g.Cost != nil:
		return g.Cost, group + "cost."
	case g.CoreHour != "" || g.GiBHour != "":
	case c.Cost != nil:
		return c.Cost, "cost."
	}
	return nil, ""
}

// cost finds what is wrong with the model of a level, and prices that are stated
// beside it.
func (v *configCheck) cost(m *CostConfig, path, currency, coreHour, gibHour string) {
	if m == nil {
		return
	}
	if _, err := pricing.NewMoney("0", currency); err != nil {
		currency = freeCurrency // a fault of its own
	}
	_, faults := m.prices(currency)
	for _, f := range faults {
		v.fault(path+"cost."+f.setting, m.value(f.setting), f.want, "%s", f.text)
	}
	for _, p := range []struct{ name, value string }{{"core_hour", coreHour}, {"gib_hour", gibHour}} {
		if p.value != "" {
			v.fault(path+p.name, p.value, "either "+p.name+" or cost", "%scost says what cores and memory cost, and this says something else", path)
		}
	}
}

// notFree refuses a model by which memory costs nothing.
func (v *configCheck) notFree(m *CostConfig, path string) {
	if share, err := pricing.NewMoney(m.MemoryShare, freeCurrency); err == nil && share.Sign() == 0 {
		v.fault(path+"memory_share", m.MemoryShare, "more than 0, or free: true", "what costs nothing must be declared free")
	}
}

func (c *CostConfig) value(setting string) string {
	return map[string]string{
		"purchase": c.Purchase, "lifetime_years": c.LifetimeYears, "watts": c.Watts, "pue": c.PUE,
		"energy_kwh": c.EnergyKWh, "upkeep_month": c.UpkeepMonth, "utilisation": c.Utilisation, "cores": c.Cores,
		"memory_gib": c.MemoryGiB, "memory_share": c.MemoryShare, "as_of": c.AsOf,
	}[setting]
}
