package kvm

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// The ends of the names of SKUs; their beginning is Site.SKUPrefix.
const (
	skuCore   = "/core-hour"
	skuMemory = "/gib-hour"
	skuDisk   = "/disk-gib-month"
)

// priceSource is where the prices come from.
const priceSource = "provider configuration"

// freeCurrency is that of prices all of which are zero and of no currency.
const freeCurrency = "EUR"

// PriceList is what the Config says, as of a time. Its revision is a hash of the
// prices alone: the same prices at another time are the same list. It is for a
// Config that Validate finds no fault in; an error is a fault that it has.
func (c *Config) PriceList(asOf time.Time) (*pricing.List, error) {
	list := &pricing.List{Source: priceSource, AsOf: asOf.UTC()}
	seen := map[string]bool{}
	for _, s := range c.Sites() {
		if seen[s.SKUPrefix] {
			continue
		}
		seen[s.SKUPrefix] = true
		prices, err := s.prices.list(s.SKUPrefix, c.currency(s.prices.currency))
		if err != nil {
			return nil, err
		}
		list.Prices = append(list.Prices, prices...)
	}
	content, err := json.Marshal(list.Prices)
	if err != nil {
		return nil, fmt.Errorf("price list: %w", err)
	}
	sum := sha256.Sum256(content)
	list.Revision = hex.EncodeToString(sum[:6])
	if err := list.Check(); err != nil {
		return nil, fmt.Errorf("price list: %w", err)
	}
	return list, nil
}

// list is the prices of one set of SKUs.
func (p prices) list(prefix, currency string) ([]pricing.Price, error) {
	source, asOf, err := p.computed(currency)
	if err != nil {
		return nil, fmt.Errorf("prices of %s: %w", prefix, err)
	}
	list := []pricing.Price{
		{SKU: prefix + skuCore, Kind: pricing.KindCompute, Unit: pricing.UnitHour, Text: "one core for one hour", Source: source, AsOf: asOf},
		{SKU: prefix + skuMemory, Kind: pricing.KindMemory, Unit: pricing.UnitGiBHour, Text: "one GiB of memory for one hour", Source: source, AsOf: asOf},
		{SKU: prefix + skuDisk, Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Text: "one GiB of disk for one month"},
	}
	for i, amount := range []string{p.coreHour, p.gibHour, p.diskGiBMonth} {
		m, err := pricing.NewMoney(cmp.Or(amount, "0"), currency)
		if err != nil {
			return nil, fmt.Errorf("price of %s: %w", list[i].SKU, err)
		}
		list[i].Amount, list[i].Free = m, m.Sign() == 0 && p.free
	}
	return list, nil
}

// computed replaces the prices of cores and memory by those of the cost model,
// where there is one, and says where they come from.
func (p *prices) computed(currency string) (source string, asOf time.Time, err error) {
	if p.cost == nil {
		return "", time.Time{}, nil
	}
	computed, faults := p.cost.prices(currency)
	if len(faults) > 0 {
		return "", time.Time{}, fmt.Errorf("cost.%s: %s", faults[0].setting, faults[0].text)
	}
	p.coreHour, p.gibHour = computed.CoreHour.Amount(), computed.GiBHour.Amount()
	asOf, err = p.cost.asOf()
	return p.cost.source(computed), asOf, err
}

// currency is a host's own, or that of the provider's other prices.
func (c *Config) currency(own string) string {
	if own != "" {
		return own
	}
	for _, g := range c.Groups {
		if g.Currency != "" {
			return g.Currency
		}
	}
	return freeCurrency
}

// pricePaths are the settings of one price at the three levels.
type pricePaths struct{ name, top, group, host string }

func (c *Config) pricesOf(g *Group, h *HostConfig) []pricePaths {
	return []pricePaths{
		{"core_hour", c.CoreHour, g.CoreHour, h.CoreHour},
		{"gib_hour", c.GiBHour, g.GiBHour, h.GiBHour},
		{"disk_gib_month", c.DiskGiBMonth, g.DiskGiBMonth, h.DiskGiBMonth},
	}
}

func (v *configCheck) prices() {
	c := v.config
	v.cost(c.Cost, "", c.Currency, c.CoreHour, c.GiBHour)
	for i, g := range c.Groups {
		v.cost(g.Cost, fmt.Sprintf("groups[%d].", i), cmp.Or(g.Currency, c.Currency), g.CoreHour, g.GiBHour)
	}
	v.each(func(group, host string, g *Group, h *HostConfig) {
		model, path := c.costOf(group, g, h)
		if model != nil && !g.Free && !c.Free {
			v.notFree(model, path)
		}
		for _, p := range c.pricesOf(g, h) {
			v.amount(p.name, p.top)
			v.amount(group+p.name, p.group)
			v.amount(host+p.name, p.host)
			if model == nil || p.name == "disk_gib_month" {
				v.meant(p, group, host, g.Free || c.Free, c.Cost != nil || g.Cost != nil)
			}
		}
		v.currency(group, g, model != nil || !g.Free && !c.Free)
	})
}

// amount checks what is written, wherever it is.
func (v *configCheck) amount(path, value string) {
	if value == "" {
		return
	}
	m, err := pricing.NewMoney(value, freeCurrency)
	if err != nil || m.Sign() < 0 {
		v.fault(path, value, "a decimal number that is not negative, such as 0.012", "%.64q is no price", value)
	}
}

// meant refuses a price that is zero, or nowhere, and not declared free. A cost
// model above is no help to prices of which one is stated.
func (v *configCheck) meant(p pricePaths, group, host string, free, model bool) {
	value, path := p.host, host+p.name
	if value == "" {
		value, path = p.group, group+p.name
	}
	if value == "" && p.top != "" {
		value, path = p.top, p.name
	}
	if free {
		return
	}
	if value == "" && model && p.name != "disk_gib_month" {
		v.fault(path, "", "both core_hour and gib_hour, or neither", "no price: the other one is stated here, which leaves the cost model out")
		return
	}
	if value == "" {
		v.fault(path, "", "a price such as 0.012, or free: true", "no price: what costs nothing must be declared free")
		return
	}
	if m, err := pricing.NewMoney(value, freeCurrency); err == nil && m.Sign() == 0 {
		v.fault(path, value, "a price above zero, or free: true", "what costs nothing must be declared free")
	}
}

// currency wants one for all prices, and that it is one.
func (v *configCheck) currency(group string, g *Group, needed bool) {
	c := v.config
	own, path := g.Currency, group+"currency"
	if own == "" && (c.Currency != "" || group == "") {
		own, path = c.Currency, "currency"
	}
	if own == "" {
		if needed {
			v.fault(path, "", "an ISO 4217 code such as EUR", "prices without a currency")
		}
		return
	}
	if _, err := pricing.NewMoney("0", own); err != nil {
		v.fault(path, own, "an ISO 4217 code such as EUR", "%.20q is no ISO 4217 code", own)
		return
	}
	if first := cmp.Or(c.Currency, c.currency("")); own != first && g.Currency != "" {
		v.fault(path, own, first, "all prices of a provider have one currency, and others are in %s", first)
	}
}
