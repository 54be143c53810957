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
		for _, p := range []struct {
			sku, amount, text string
			kind              pricing.Kind
			unit              pricing.Unit
		}{
			{skuCore, s.prices.coreHour, "one core for one hour", pricing.KindCompute, pricing.UnitHour},
			{skuMemory, s.prices.gibHour, "one GiB of memory for one hour", pricing.KindMemory, pricing.UnitGiBHour},
			{skuDisk, s.prices.diskGiBMonth, "one GiB of disk for one month", pricing.KindDisk, pricing.UnitGiBMonth},
		} {
			amount, err := pricing.NewMoney(cmp.Or(p.amount, "0"), c.currency(s.prices.currency))
			if err != nil {
				return nil, fmt.Errorf("price of %s: %w", s.SKUPrefix+p.sku, err)
			}
			list.Prices = append(list.Prices, pricing.Price{
				SKU: s.SKUPrefix + p.sku, Kind: p.kind, Unit: p.unit, Amount: amount,
				Free: amount.Sign() == 0 && s.prices.free, Text: p.text,
			})
		}
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
	v.each(func(group, host string, g *Group, h *HostConfig) {
		for _, p := range c.pricesOf(g, h) {
			v.amount(p.name, p.top)
			v.amount(group+p.name, p.group)
			v.amount(host+p.name, p.host)
			v.meant(p, group, host, g.Free || c.Free)
		}
		v.currency(group, g)
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

// meant refuses a price that is zero, or nowhere, and not declared free.
func (v *configCheck) meant(p pricePaths, group, host string, free bool) {
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
	if value == "" {
		v.fault(path, "", "a price such as 0.012, or free: true", "no price: what costs nothing must be declared free")
		return
	}
	if m, err := pricing.NewMoney(value, freeCurrency); err == nil && m.Sign() == 0 {
		v.fault(path, value, "a price above zero, or free: true", "what costs nothing must be declared free")
	}
}

// currency wants one for all prices, and that it is one.
func (v *configCheck) currency(group string, g *Group) {
	c := v.config
	own, path := g.Currency, group+"currency"
	if own == "" && (c.Currency != "" || group == "") {
		own, path = c.Currency, "currency"
	}
	if own == "" {
		if !g.Free && !c.Free {
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
